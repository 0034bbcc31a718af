#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The first `byte` among `count` bytes from `start`; nil when there is none. The C library's search is vectorised.
func findByte(_ start: UnsafeRawPointer, _ byte: UInt8, _ count: Int) -> UnsafeRawPointer? {
    unsafe memchr(start, Int32(byte), count).map { UnsafeRawPointer($0) }
}
