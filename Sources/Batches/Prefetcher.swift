package import Tensors

/// Makes elements on a thread of its own ahead of their use, in order, a bounded number of them.
///
/// What making one throws is thrown where that element would have come. Taken from by one thread at a time.
package final class Prefetcher<Element: Sendable>: @unchecked Sendable {
    private let make: @Sendable () throws(LocatedError) -> Element?
    private let capacity: Int
    private let gate = Gate()
    private var ready: [Result<Element?, LocatedError>] = []
    private var isClosed = false
    private var isOver = false
    private var worker: Worker?

    /// How often an element had to be waited for.
    package private(set) var waits = 0

    /// - Parameters:
    ///   - capacity: how many elements may wait to be taken; 0 makes each when it is asked for, without a thread.
    ///   - make: gives the next element; nil after the last.
    package init(capacity: Int, _ make: @escaping @Sendable () throws(LocatedError) -> Element?) {
        self.capacity = capacity
        self.make = make
        guard capacity > 0 else { return }
        worker = Worker { [self] in work() }
    }

    private func work() {
        var goesOn = true
        while goesOn {
            let result: Result<Element?, LocatedError>
            do throws(LocatedError) { result = .success(try make()) } catch { result = .failure(error) }
            if case .success(.some) = result {} else { goesOn = false }
            goesOn = gate.enter(when: { isClosed || ready.count < capacity }) {
                guard !isClosed else { return false }
                ready.append(result)
                return goesOn
            }
        }
    }

    /// The next element; nil after the last.
    package func next() throws(LocatedError) -> Element? {
        guard !isOver else { return nil }
        let result: Result<Element?, LocatedError>
        if worker != nil {
            let isEmpty = gate.enter { ready.isEmpty }
            if isEmpty { waits += 1 }
            result = gate.enter(when: { !ready.isEmpty }) { ready.removeFirst() }
        } else {
            do throws(LocatedError) { result = .success(try make()) } catch { result = .failure(error) }
        }
        switch result {
        case .success(let element):
            isOver = element == nil
            return element
        case .failure(let error):
            isOver = true
            throw error
        }
    }

    /// Ends the thread and waits for it; elements that weren't taken are dropped.
    ///
    /// - Parameter interrupt: asks whatever making an element waits for to give up.
    package func close(_ interrupt: () -> Void = {}) {
        isOver = true
        guard let worker else { return }
        let wasBusy = gate.enter {
            isClosed = true
            return ready.count < capacity
        }
        if wasBusy { interrupt() }
        worker.join()
        self.worker = nil
        ready = []
    }
}
