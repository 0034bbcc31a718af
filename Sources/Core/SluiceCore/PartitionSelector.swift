internal import CKernels

/// How a record says which partition it goes to, in the order of precedence of spec section 3.1.
package enum PartitionSelector: Sendable, Hashable {
    /// The partition was named.
    case partition(PartitionNumber)
    /// A partition was named in neither of the public forms; the text, cut to 64 characters.
    case malformedPartition(String)
    /// A point of the hash space, given or computed from the key: 0 to 2^63-1.
    case hash(UInt64)
    /// An explicit hash that is no integer within the hash space; the text, cut to 64 characters.
    case malformedHash(String)
    /// Nothing was given: any active partition.
    case any
}

/// Points of the hash space 0 to 2^63-1 (spec section 3.1).
package enum PartitionHash {
    /// The last point.
    package static let max: UInt64 = 0x7fff_ffff_ffff_ffff

    /// The point of a partition key: the first eight bytes of its MD5, big-endian, without the sign bit.
    package static func of(_ key: UnsafeRawBufferPointer) -> UInt64 {
        var nothing: UInt8 = 0
        guard let base = key.baseAddress else { return unsafe sluice_md5_head(&nothing, 0) & max }
        return unsafe sluice_md5_head(base, key.count) & max
    }

    /// The point of a partition key.
    package static func of(_ key: String) -> UInt64 {
        var key = key
        return key.withUTF8 { unsafe of(UnsafeRawBufferPointer($0)) }
    }
}
