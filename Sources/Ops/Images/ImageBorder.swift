/// What is beyond an image's border.
package enum ImageBorder: String, Hashable, Sendable, CaseIterable {
    /// One value everywhere.
    case constant
    /// The border itself.
    case nearest
    /// The image mirrored, its border twice.
    case reflect
    /// The image again.
    case wrap
    /// The image mirrored, its border once.
    case mirror
}
