internal import Terminal

/// Answers of commands that work on the data directory, for people and for programs.
extension CommandCall {
    /// One thing: a title and a value a line, or an object with the titles as members.
    func show(_ rows: [(title: String, value: String)]) async throws {
        if isForPrograms {
            return try await console.print(
                JSONOutput.object(rows.map { (Self.member($0.title), .string($0.value)) }).text)
        }
        var fields = FieldList()
        for (title, value) in rows { fields.append(title, value) }
        try await console.write(fields.text)
    }

    /// A table, or an array of objects with the titles as members.
    func list(_ titles: [String], _ rows: [[String]]) async throws {
        if isForPrograms {
            let objects = rows.map { row in
                JSONOutput.object(zip(titles, row).map { (Self.member($0), .string($1)) })
            }
            return try await console.print(JSONOutput.array(objects).text)
        }
        var table = TextTable(titles.map { TextTable.Column($0) })
        for row in rows { table.append(row) }
        try await console.print(table)
    }

    private static func member(_ title: String) -> String {
        String(title.map { $0 == " " ? "_" : $0 })
    }
}
