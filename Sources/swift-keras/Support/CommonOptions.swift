import ArgumentParser

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Flag(name: .long, help: "Print one JSON document instead of text.")
    var json = false

    @Flag(name: .long, help: "No notes on standard error.")
    var quiet = false

    func note(_ text: String) {
        if !quiet { Terminal.note(text) }
    }
}
