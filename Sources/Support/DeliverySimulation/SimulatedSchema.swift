/// What streams say of their records, so that some records do not convert: before and after somebody has mended it.
enum SimulatedSchema {
    /// Times are numbers; records with another time are parked.
    static let first = schema(time: #""long""#)
    /// Whatever clients send converts.
    static let mended = schema(time: #"["null","long","string"]"#)

    private static func schema(time: String) -> String {
        #"{"type":"record","name":"r","fields":[{"name":"id","type":"string"},{"name":"t","type":\#(time)},"#
            + #"{"name":"x","type":"string"}]}"#
    }

    /// Whether a record breaks the first schema.
    static func isOdd(_ record: [UInt8]) -> Bool { String(decoding: record, as: UTF8.self).contains(oddTime) }

    /// A time that is no number.
    static let oddTime = #""later""#
}
