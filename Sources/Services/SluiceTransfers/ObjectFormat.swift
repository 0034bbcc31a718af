internal import SluiceCore
internal import SluiceFormats

/// A form made ready for encoding: its settings read, its schema understood.
struct ObjectFormat: Sendable {
    enum Content: Sendable {
        case text(DelimitedText, isCompressed: Bool)
        case parquet(ParquetSchema, codec: ParquetFile.Codec, rowGroupSize: ByteCount)
    }

    let content: Content

    /// Raw records, one a line: the objects of the error directory.
    static let lines = ObjectFormat(content: .text(DelimitedText(delimiter: .newline), isCompressed: false))

    private init(content: Content) {
        self.content = content
    }

    /// - Throws: `PermanentFault` when nothing can ever be written in this form.
    init(_ form: DeliveryForm) throws {
        let destination: OBSDestination
        do {
            destination = try form.destination()
        } catch {
            throw PermanentFault(reason: error.message)
        }
        switch destination.fileType {
        case .text, .csv:
            content = .text(DelimitedText(delimiter: destination.delimiter), isCompressed: destination.isCompressed)
        case .parquet:
            do {
                content = .parquet(
                    try Self.schema(form.schema), codec: destination.codec,
                    rowGroupSize: ByteCount(form.rowGroupBytes ?? TransferSettings().parquetRowGroupSize.bytes))
            } catch {
                throw PermanentFault(reason: error.message)
            }
        }
    }

    /// The same without compression.
    var uncompressed: ObjectFormat {
        switch content {
        case .text(let text, _): ObjectFormat(content: .text(text, isCompressed: false))
        case .parquet(let schema, _, let size):
            ObjectFormat(content: .parquet(schema, codec: .none, rowGroupSize: size))
        }
    }

    /// Whether records can be refused.
    var canRefuse: Bool {
        switch content {
        case .text: false
        case .parquet: true
        }
    }

    /// The columns that a stream's schema makes.
    /// - Throws: `invalidDataSchema` with a reason for the schema's author.
    static func schema(_ text: String?) throws(TransferError) -> ParquetSchema {
        guard let text else { throw TransferError(.invalidDataSchema, "the stream has no data_schema any more") }
        let avro: AvroSchema
        do {
            avro = try AvroSchema(parsing: text)
        } catch {
            throw TransferError(.invalidDataSchema, "the stream's data_schema is not valid: \(error.description)")
        }
        do {
            return try ParquetSchema(avro)
        } catch {
            throw TransferError(
                .invalidDataSchema, "the stream's data_schema cannot become columns: \(error.description)")
        }
    }
}
