internal import CKernels

/// Single values. Rules, beside the plain JSON form of each type:
///
/// - int and long take any number without a fraction: `3`, `3.0` and `3e2`.
/// - float and double also take the texts `NaN`, `Infinity` and `-Infinity`, as Avro's encoders write them; a number
///   beyond the type's range is refused, never infinite.
/// - bytes and fixed are text whose characters U+0000 to U+00FF are the bytes.
/// - date, time and timestamp types take their number as Avro defines it, or ISO 8601 text (see `CalendarText`); digits
///   finer than the type's unit are dropped.
/// - A decimal is a number or numeric text, never rounded: more decimal places or digits than the type has are refused.
///   The default of a decimal may also be written as bytes, as the Avro specification has it.
/// - A UUID is text of 8-4-4-4-12 hexadecimal digits in any case.
extension RecordShredder {
    @inline(__always)
    mutating func leaf(
        _ node: UnsafePointer<ParquetNode>, _ column: UnsafeMutablePointer<ColumnValues>
    ) throws(ShredFault) {
        switch unsafe node.pointee.kind {
        case .string: try unsafe string(node, column)
        case .long: unsafe column.pointee.append(try unsafe integer(node, .notNumber))
        case .int: unsafe column.pointee.append(try unsafe narrow(integer(node, .notNumber), node))
        case .double: unsafe column.pointee.append(try unsafe double(node))
        case .boolean: unsafe column.pointee.append(try unsafe boolean(node))
        case .enumeration: try unsafe enumeration(node, column)
        case .float: unsafe column.pointee.append(try unsafe float(node))
        case .date: unsafe column.pointee.append(try unsafe date(node))
        case .timeMillis:
            unsafe column.pointee.append(Int32(truncatingIfNeeded: try unsafe time(node, perSecond: 1000)))
        case .timeMicros: unsafe column.pointee.append(try unsafe time(node, perSecond: 1_000_000))
        case .timestampMillis, .localMillis:
            unsafe column.pointee.append(try unsafe timestamp(node, perSecond: 1000))
        case .timestampMicros, .localMicros:
            unsafe column.pointee.append(try unsafe timestamp(node, perSecond: 1_000_000))
        case .decimal: try unsafe decimal(node, column)
        case .bytes: unsafe column.pointee.append(byteArray: try unsafe latin(node))
        case .fixed: try unsafe fixed(node, column)
        case .uuid: try unsafe uuid(node, column)
        case .record, .list, .map, .union, .symbol: throw unsafe mismatch(.noBranch, node)
        }
    }

    /// The text that stands next.
    @inline(__always)
    private mutating func text(
        _ node: UnsafePointer<ParquetNode>, _ cause: ShredFault.Cause
    ) throws(ShredFault) -> JSONCursor.Text {
        guard cursor.next == UInt8(ascii: "\"") else { throw unsafe mismatch(cause, node) }
        return try cursor.text()
    }

    @inline(__always)
    private var isAtNumber: Bool {
        let byte = cursor.next
        return byte == UInt8(ascii: "-") || byte &- UInt8(ascii: "0") <= 9
    }

    private func fault(_ cause: ShredFault.Cause, _ node: UnsafePointer<ParquetNode>) -> ShredFault {
        unsafe ShredFault(cause, node.pointee.index, at: cursor.offset)
    }

    // MARK: text and bytes

    @inline(__always)
    private mutating func string(
        _ node: UnsafePointer<ParquetNode>, _ column: UnsafeMutablePointer<ColumnValues>
    ) throws(ShredFault) {
        unsafe column.pointee.append(byteArray: resolved(try text(node, .notText)))
    }

    private mutating func enumeration(
        _ node: UnsafePointer<ParquetNode>, _ column: UnsafeMutablePointer<ColumnValues>
    ) throws(ShredFault) {
        let symbol = unsafe resolved(try text(node, .notText))
        guard unsafe child(symbol, of: node) != nil else { throw unsafe fault(.notSymbol, node) }
        unsafe column.pointee.append(byteArray: symbol)
    }

    /// The bytes that the characters of a text stand for.
    private mutating func latin(_ node: UnsafePointer<ParquetNode>) throws(ShredFault) -> UnsafeRawBufferPointer {
        let text = try unsafe text(node, .notText)
        guard text.hasEscapes || text.isWide else { return unsafe text.bytes }
        let wide = unsafe resolved(text)
        if !text.hasEscapes {
            scratch.removeAll()
            unsafe scratch.append(wide)
        }
        // Two bytes of UTF-8 become one: the target is never ahead of the source.
        let bytes = unsafe scratch.start.assumingMemoryBound(to: UInt8.self)
        var source = 0
        var target = 0
        while source < scratch.count {
            let byte = unsafe bytes[source]
            if byte < 0x80 {
                unsafe bytes[target] = byte
                source += 1
            } else {
                guard byte == 0xC2 || byte == 0xC3 else { throw unsafe fault(.notBytes, node) }
                unsafe bytes[target] = byte << 6 | bytes[source + 1] & 0x3F
                source += 2
            }
            target += 1
        }
        scratch.truncate(to: target)
        return unsafe scratch.bytes
    }

    private mutating func fixed(
        _ node: UnsafePointer<ParquetNode>, _ column: UnsafeMutablePointer<ColumnValues>
    ) throws(ShredFault) {
        let bytes = try unsafe latin(node)
        guard unsafe bytes.count == Int(node.pointee.width) else { throw unsafe fault(.wrongLength, node) }
        unsafe column.pointee.append(fixed: bytes)
    }

    private mutating func uuid(
        _ node: UnsafePointer<ParquetNode>, _ column: UnsafeMutablePointer<ColumnValues>
    ) throws(ShredFault) {
        let text = unsafe resolved(try text(node, .notText))
        guard text.count == 36 else { throw unsafe fault(.notUUID, node) }
        var value: UInt128 = 0
        for index in 0..<36 {
            let byte = unsafe text[index]
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { throw unsafe fault(.notUUID, node) }
                continue
            }
            let letter = byte | 0x20
            if byte &- UInt8(ascii: "0") <= 9 {
                value = value << 4 | UInt128(byte - UInt8(ascii: "0"))
            } else if letter >= UInt8(ascii: "a"), letter <= UInt8(ascii: "f") {
                value = value << 4 | UInt128(letter - UInt8(ascii: "a") + 10)
            } else {
                throw unsafe fault(.notUUID, node)
            }
        }
        unsafe column.pointee.append(value.bigEndian)
    }

    // MARK: numbers

    private mutating func boolean(_ node: UnsafePointer<ParquetNode>) throws(ShredFault) -> UInt8 {
        switch cursor.next {
        case UInt8(ascii: "t"):
            try cursor.literal("true")
            return 1
        case UInt8(ascii: "f"):
            try cursor.literal("false")
            return 0
        default: throw unsafe mismatch(.notBoolean, node)
        }
    }

    @inline(__always)
    private mutating func integer(
        _ node: UnsafePointer<ParquetNode>, _ cause: ShredFault.Cause
    ) throws(ShredFault) -> Int64 {
        if let value = cursor.shortInteger() { return value }
        return try unsafe longInteger(node, cause)
    }

    private mutating func longInteger(
        _ node: UnsafePointer<ParquetNode>, _ cause: ShredFault.Cause
    ) throws(ShredFault) -> Int64 {
        guard isAtNumber else { throw unsafe mismatch(cause, node) }
        let number = try cursor.number()
        var isTooLarge = false
        guard let magnitude = number.scaled(by: 0, isTooLarge: &isTooLarge) else {
            throw unsafe fault(isTooLarge ? .outOfRange : .notIntegral, node)
        }
        guard magnitude <= UInt128(Int64.max) + (number.isNegative ? 1 : 0) else {
            throw unsafe fault(.outOfRange, node)
        }
        let low = Int64(truncatingIfNeeded: magnitude)
        return number.isNegative ? 0 &- low : low
    }

    @inline(__always)
    private func narrow(_ value: Int64, _ node: UnsafePointer<ParquetNode>) throws(ShredFault) -> Int32 {
        guard let narrow = Int32(exactly: value) else { throw unsafe fault(.outOfRange, node) }
        return narrow
    }

    private mutating func double(_ node: UnsafePointer<ParquetNode>) throws(ShredFault) -> Double {
        guard isAtNumber else { return try unsafe special(node) }
        let value = try cursor.number().double
        guard value.isFinite else { throw unsafe fault(.outOfRange, node) }
        return value
    }

    private mutating func float(_ node: UnsafePointer<ParquetNode>) throws(ShredFault) -> Float {
        guard isAtNumber else { return Float(try unsafe special(node)) }
        let value = try cursor.number().float
        guard value.isFinite else { throw unsafe fault(.outOfRange, node) }
        return value
    }

    /// The numbers that JSON lacks, as text.
    private mutating func special(_ node: UnsafePointer<ParquetNode>) throws(ShredFault) -> Double {
        let text = unsafe resolved(try text(node, .notNumber))
        for (name, value) in [("NaN", Double.nan), ("Infinity", .infinity), ("-Infinity", -.infinity)]
        where unsafe text.elementsEqual(name.utf8) {
            return value
        }
        throw unsafe fault(.notNumber, node)
    }

    private mutating func decimal(
        _ node: UnsafePointer<ParquetNode>, _ column: UnsafeMutablePointer<ColumnValues>
    ) throws(ShredFault) {
        let value = try unsafe unscaled(node)
        guard unsafe value.magnitude < JSONNumber.power(Int(node.pointee.precision)) else {
            throw unsafe fault(.tooManyDigits, node)
        }
        switch unsafe node.pointee.width {
        case 4: unsafe column.pointee.append(Int32(truncatingIfNeeded: value))
        case 8: unsafe column.pointee.append(Int64(truncatingIfNeeded: value))
        default:
            let bytes = value.bigEndian
            unsafe withUnsafeBytes(of: bytes) { bytes in
                unsafe column.pointee.append(
                    fixed: UnsafeRawBufferPointer(rebasing: bytes.suffix(Int(node.pointee.width))))
            }
        }
    }

    private mutating func unscaled(_ node: UnsafePointer<ParquetNode>) throws(ShredFault) -> Int128 {
        let number: JSONNumber
        if isAtNumber {
            number = try cursor.number()
        } else {
            let place = cursor
            let text = unsafe resolved(try text(node, .notDecimal))
            guard let base = unsafe text.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
                throw unsafe fault(.notDecimal, node)
            }
            var inner = unsafe JSONCursor(text, base: base)
            guard let parsed = try? inner.number(), inner.isAtEnd else {
                guard isDefault else { throw unsafe fault(.notDecimal, node) }
                cursor = place
                return try unsafe bytesUnscaled(node)
            }
            number = parsed
        }
        var isTooLarge = false
        guard let magnitude = unsafe number.scaled(by: Int(node.pointee.scale), isTooLarge: &isTooLarge),
            magnitude <= UInt128(Int128.max)
        else { throw unsafe fault(isTooLarge ? .tooManyDigits : .tooManyPlaces, node) }
        return number.isNegative ? -Int128(magnitude) : Int128(magnitude)
    }

    /// Two's complement, the highest byte first.
    private mutating func bytesUnscaled(_ node: UnsafePointer<ParquetNode>) throws(ShredFault) -> Int128 {
        let bytes = try unsafe latin(node)
        guard let first = unsafe bytes.first, bytes.count <= 16 else { throw unsafe fault(.notDecimal, node) }
        return unsafe bytes.reduce(first >= 0x80 ? -1 : 0) { $0 << 8 | Int128($1) }
    }

    // MARK: dates and times

    private mutating func date(_ node: UnsafePointer<ParquetNode>) throws(ShredFault) -> Int32 {
        guard cursor.next == UInt8(ascii: "\"") else { return try unsafe narrow(integer(node, .notDate), node) }
        var text = unsafe CalendarText(resolved(try cursor.text()))
        guard let days = text.days(), text.isAtEnd else { throw unsafe fault(.notDate, node) }
        return Int32(truncatingIfNeeded: days)
    }

    private mutating func time(
        _ node: UnsafePointer<ParquetNode>, perSecond units: Int64
    ) throws(ShredFault) -> Int64 {
        guard cursor.next == UInt8(ascii: "\"") else {
            let value = try unsafe integer(node, .notTime)
            guard (0..<86400 * units).contains(value) else { throw unsafe fault(.outOfRange, node) }
            return value
        }
        var text = unsafe CalendarText(resolved(try cursor.text()))
        guard let value = text.timeOfDay(perSecond: units), text.isAtEnd else { throw unsafe fault(.notTime, node) }
        return value
    }

    private mutating func timestamp(
        _ node: UnsafePointer<ParquetNode>, perSecond units: Int64
    ) throws(ShredFault) -> Int64 {
        guard cursor.next == UInt8(ascii: "\"") else { return try unsafe integer(node, .notTimestamp) }
        let kind = unsafe node.pointee.kind
        let isLocal = kind == .localMillis || kind == .localMicros
        var text = unsafe CalendarText(resolved(try cursor.text()))
        guard let value = text.timestamp(perSecond: units, isLocal: isLocal) else {
            throw unsafe fault(.notTimestamp, node)
        }
        return value
    }
}
