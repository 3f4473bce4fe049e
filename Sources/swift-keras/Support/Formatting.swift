import Foundation

extension Double {
    /// `1.2e-07`
    var scientific: String { self == 0 ? "0" : String(format: "%.1e", self) }

    /// Rounded to so many decimals.
    func fixed(_ decimals: Int) -> String { String(format: "%.\(decimals)f", self) }
}
