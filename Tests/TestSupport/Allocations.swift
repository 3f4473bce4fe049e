import CTestSupport

/// The number of times `body` asks for heap memory on this thread; nil where that cannot be counted.
package func allocations(_ body: () -> Void) -> Int? {
    guard ctest_begin_counting_allocations() != 0 else { return nil }
    body()
    return ctest_end_counting_allocations()
}
