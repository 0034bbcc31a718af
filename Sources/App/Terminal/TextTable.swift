/// Rows under headings, aligned for people.
package struct TextTable: Sendable {
    package struct Column: Sendable {
        package enum Alignment: Sendable { case left, right }

        package let title: String
        package let alignment: Alignment
        /// Whether the column may be cut when the terminal is too narrow.
        package let isFlexible: Bool

        package init(_ title: String, _ alignment: Alignment = .left, isFlexible: Bool = false) {
            self.title = title
            self.alignment = alignment
            self.isFlexible = isFlexible
        }
    }

    package let columns: [Column]
    package private(set) var rows: [[String]] = []

    package init(_ columns: [Column]) {
        self.columns = columns
    }

    /// Missing cells are empty, surplus ones are dropped; control characters become blanks.
    package mutating func append(_ cells: [String]) {
        rows.append(columns.indices.map { $0 < cells.count ? Self.printable(cells[$0]) : "" })
    }

    /// The table as text.
    ///
    /// - Parameter width: columns to stay within by cutting flexible cells; nil never cuts.
    package func text(width: Int?) -> String {
        var widths = columns.indices.map { index in
            rows.reduce(columns[index].title.displayWidth) { max($0, $1[index].displayWidth) }
        }
        if let width { narrow(&widths, to: width) }
        let lines = [columns.map(\.title)] + rows
        return lines.map { line(of: $0, widths) + "\n" }.joined()
    }

    private func narrow(_ widths: inout [Int], to width: Int) {
        var surplus = widths.reduce(2 * (columns.count - 1), +) - width
        while surplus > 0 {
            // The widest flexible column gives first; none is cut below its title or eight columns.
            let givers = columns.indices.filter {
                columns[$0].isFlexible && widths[$0] > max(8, columns[$0].title.displayWidth)
            }
            guard let widest = givers.max(by: { widths[$0] < widths[$1] }) else { return }
            widths[widest] -= 1
            surplus -= 1
        }
    }

    private func line(of cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for index in columns.indices {
            let cell = cells[index].cut(to: widths[index])
            let blanks = String(repeating: " ", count: widths[index] - cell.displayWidth)
            line += columns[index].alignment == .left ? cell + blanks : blanks + cell
            if index < columns.count - 1 { line += "  " }
        }
        while line.last == " " { line.removeLast() }
        return line
    }

    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}

/// Names and values, one a line: what `show` commands print.
package struct FieldList: Sendable {
    private var fields: [(String, String)] = []

    package init() {}

    /// Nothing is added for nil and for empty text.
    package mutating func append(_ name: String, _ value: String?) {
        if let value, !value.isEmpty { fields.append((name, value)) }
    }

    package var text: String {
        let width = fields.reduce(0) { max($0, $1.0.displayWidth) } + 2
        return fields.map { ($0.0 + ":").padded(to: width) + $0.1 + "\n" }.joined()
    }
}

extension String {
    /// Columns a terminal needs: East Asian wide characters take two, combining ones none.
    package var displayWidth: Int {
        reduce(0) { $0 + $1.displayWidth }
    }

    /// At most `width` columns, ending in an ellipsis where something was cut.
    func cut(to width: Int) -> String {
        guard displayWidth > width else { return self }
        var text = ""
        var used = 0
        for character in self {
            guard used + character.displayWidth <= width - 1 else { break }
            used += character.displayWidth
            text.append(character)
        }
        return text + "…"
    }
}

extension Character {
    fileprivate var displayWidth: Int {
        guard let first = unicodeScalars.first else { return 0 }
        switch first.value {
        case 0..<0x300: return 1
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default:
            let category = first.properties.generalCategory
            return category == .nonspacingMark || category == .enclosingMark || category == .format ? 0 : 1
        }
    }
}
