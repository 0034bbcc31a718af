/// The columns that an Avro schema becomes, and how JSON members find them.
///
/// | Avro | Parquet |
/// |---|---|
/// | record | group |
/// | array, map | `LIST` of three levels, `MAP` with text keys |
/// | union with null | `OPTIONAL` |
/// | union of several other types | group with one optional member for each: `member0`, `member1`, … |
/// | null | no column |
/// | boolean, int, long, float, double | BOOLEAN, INT32, INT64, FLOAT, DOUBLE |
/// | bytes, fixed | BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY |
/// | string, enum | BYTE_ARRAY, `STRING` |
/// | date, time, timestamp, local timestamp | INT32 or INT64 with that logical type |
/// | decimal | INT32 up to 9 digits, INT64 up to 18, else FIXED_LEN_BYTE_ARRAY |
/// | uuid | FIXED_LEN_BYTE_ARRAY(16), `UUID` |
///
/// An enum is `STRING` and not `ENUM`, because some readers show `ENUM` as bytes. Unions are laid out as Avro's own
/// Parquet binding does (https://parquet.apache.org/docs/file-format/types/logicaltypedefinitions/ for the rest).
package struct ParquetSchema: Sendable {
    let plan: ShredPlan

    /// More columns than these are refused.
    package static let maximumColumns = 4096
    /// Values nested deeper than this are refused.
    package static let maximumDepth = 64

    /// Throws where Parquet has no columns for the schema: it is no record, contains itself, has a group without
    /// members, too many columns, or a default that is no value of its field.
    package init(_ avro: AvroSchema) throws(ParquetSchemaError) {
        var builder = ShredPlanBuilder()
        try builder.compile(avro)
        plan = ShredPlan(builder)
        try plan.checkDefaults()
    }

    /// The number of leaf columns.
    package var columnCount: Int { plan.columns.count }
}

/// Why a schema has no Parquet form, as a sentence for the task's author.
package struct ParquetSchemaError: Error, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
