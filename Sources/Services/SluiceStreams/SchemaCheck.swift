internal import SluiceFormats

/// Whether a stream's data schema is Avro (DIS.4360 where not).
enum SchemaCheck {
    static func validate(_ text: String) throws(StreamsError) {
        do {
            _ = try AvroSchema(parsing: text)
        } catch {
            throw StreamsError(.invalidSchema, "[\(error)]")
        }
    }
}
