/// Columns under headings, numbers to the right.
struct TextTable {
  let columns: [String]
  private(set) var rows: [[String]] = []

  init(_ columns: String...) { self.columns = columns }
  init(columns: [String]) { self.columns = columns }

  mutating func row(_ cells: [String]) { rows.append(cells) }

  func render(indent: String = "  ") -> String {
    let widths = columns.indices.map { index in ([columns] + rows).map { $0[index].count }.max() ?? 0 }
    let isNumeric = columns.indices.map { index in
      !rows.isEmpty && rows.allSatisfy { $0[index].allSatisfy { $0.isNumber || "*-.,".contains($0) } }
    }
    func line(_ cells: [String]) -> String {
      let padded = cells.indices.map { index in
        let pad = String(repeating: " ", count: widths[index] - cells[index].count)
        return isNumeric[index] ? pad + cells[index] : cells[index] + pad
      }
      return indent + padded.joined(separator: "  ").trimmingSuffix(" ")
    }
    let rule = indent + widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return ([line(columns), rule] + rows.map(line)).joined(separator: "\n")
  }
}

extension String {
  fileprivate func trimmingSuffix(_ character: Character) -> String {
    var end = endIndex
    while end > startIndex, self[index(before: end)] == character { end = index(before: end) }
    return String(self[..<end])
  }
}
