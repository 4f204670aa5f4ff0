import Clinical
import Foundation

/// A fault of one element; the file and the entry are added by who knows them.
struct FHIRFault: Error {
  let element: String
  let fault: ExtractInputError.Fault
}

/// A date as FHIR writes it.
enum FHIRDate: Equatable {
  case absent
  /// A year or a month alone.
  case partial
  /// The day as written, in the sender's time zone.
  case day(CalendarDate)

  var date: CalendarDate? {
    if case .day(let date) = self { date } else { nil }
  }
}

/// An object inside a resource. What is asked for is decoded; of everything else only the name is seen, so that what
/// people wrote about a patient never becomes a value in this program.
struct FHIRElement {
  struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// Of the longest value that is read. Identifiers, codes and addresses of systems are shorter.
  private static let longestText = 256

  let path: String
  private let container: KeyedDecodingContainer<Name>

  init(_ decoder: any Decoder, path: String) throws {
    self.path = path
    container = try decoder.container(keyedBy: Name.self)
  }

  private init(_ container: KeyedDecodingContainer<Name>, path: String) {
    self.path = path
    self.container = container
  }

  func named(_ path: String) -> FHIRElement { FHIRElement(container, path: path) }

  var names: [String] { container.allKeys.map(\.stringValue) }

  /// Whether it is there, without looking at it.
  func has(_ name: String) -> Bool {
    let key = Name(name)
    return container.contains(key) && (try? container.decodeNil(forKey: key)) == false
  }

  // MARK: - Values

  /// Nil when it is not there or empty; without spaces around it.
  func text(_ name: String) throws -> String? {
    guard has(name) else { return nil }
    guard let text = try? container.decode(String.self, forKey: Name(name)) else { throw fault(name, .notInFHIR) }
    guard text.utf8.count <= Self.longestText else { throw fault(name, .valueTooLong(Self.longestText)) }
    guard !text.utf8.contains(0) else { throw fault(name, .csv(.zeroByte)) }
    let trimmed = text.trimmingPrefix { $0 == " " }
    let end = trimmed.lastIndex { $0 != " " }.map { trimmed.index(after: $0) } ?? trimmed.startIndex
    return end == trimmed.startIndex ? nil : String(trimmed[..<end])
  }

  func boolean(_ name: String) throws -> Bool? {
    guard has(name) else { return nil }
    guard let value = try? container.decode(Bool.self, forKey: Name(name)) else { throw fault(name, .notInFHIR) }
    return value
  }

  func number(_ name: String) throws -> Double? {
    guard has(name) else { return nil }
    guard let value = try? container.decode(Double.self, forKey: Name(name)) else { throw fault(name, .notInFHIR) }
    return value
  }

  /// `YYYY`, `YYYY-MM`, `YYYY-MM-DD` or that followed by a time.
  func date(_ name: String) throws -> FHIRDate {
    guard var text = try text(name) else { return .absent }
    let date: FHIRDate? = text.withUTF8 { bytes in
      let digits = { (range: Range<Int>) in bytes[range].allSatisfy { (0x30...0x39).contains($0) } }
      switch bytes.count {
      case 4 where digits(0..<4): return .partial
      case 7 where digits(0..<4) && bytes[4] == UInt8(ascii: "-") && digits(5..<7): return .partial
      case 10...:
        guard bytes.count == 10 || bytes[10] == UInt8(ascii: "T") else { return nil }
        return ExtractDateFormat.iso.parse(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<10]))
          .map { .day($0) }
      default: return nil
      }
    }
    guard let date else { throw fault(name, .notADate(.iso)) }
    return date
  }

  // MARK: - Elements

  func element(_ name: String) throws -> FHIRElement? {
    guard has(name) else { return nil }
    guard let nested = try? container.nestedContainer(keyedBy: Name.self, forKey: Name(name)) else {
      throw fault(name, .notInFHIR)
    }
    return FHIRElement(nested, path: "\(path).\(name)")
  }

  func elements(_ name: String) throws -> [FHIRElement] {
    guard has(name) else { return [] }
    guard var list = try? container.nestedUnkeyedContainer(forKey: Name(name)) else { throw fault(name, .notInFHIR) }
    var elements: [FHIRElement] = []
    while !list.isAtEnd {
      guard let nested = try? list.nestedContainer(keyedBy: Name.self) else { throw fault(name, .notInFHIR) }
      elements.append(FHIRElement(nested, path: "\(path).\(name)"))
    }
    return elements
  }

  func fault(_ name: String, _ fault: ExtractInputError.Fault) -> FHIRFault {
    FHIRFault(element: "\(path).\(name)", fault: fault)
  }

  func fault(_ fault: ExtractInputError.Fault) -> FHIRFault { FHIRFault(element: path, fault: fault) }
}

/// What a connector leaves out, by name.
final class FHIRLeftOut {
  private(set) var counts: [String: Int] = [:]

  func count(_ name: String, _ times: Int = 1) { counts[name, default: 0] += times }

  /// Counts every element that is there and not read.
  func unread(in element: FHIRElement, read: Set<String>) {
    for name in element.names where !read.contains(name) && !FHIRNames.administrative.contains(name) {
      // `_birthDate` holds what FHIR says about the primitive value `birthDate`.
      let plain = name.hasPrefix("_") ? String(name.dropFirst()) : name
      let isKnown = FHIRNames.counted.contains(plain) || FHIRNames.administrative.contains(plain)
      guard element.has(name) else { continue }
      count("\(element.path).\(isKnown ? name : "other")")
    }
  }
}
