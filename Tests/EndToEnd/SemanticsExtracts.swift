@testable import caredata

/// A tiny extract, written by hand.
struct TestExtract {
  struct Patient {
    var ref: String
    var nhsNumber: String
    var born = "1960-05-17"
    var sex = 1
    var postcode = "LX9 1AB"
    /// GP only.
    var registered = "2010-04-01"
    /// GP: date, code system, code. Hospital: admission date, -, diagnosis.
    var entries: [Entry] = []
  }

  struct Entry {
    var date: String
    var system = "snomed"
    var code: String
    /// Hospital only: ADMIMETH, and discharge where it is another day.
    var method = "21"
    var until: String?

    static let diabetes = Entry(date: "2019-02-03", code: "44054006")
    static let asthma = Entry(date: "2018-11-12", code: "195967001")
    static let type1Dissent = Entry(date: "2020-01-15", code: "827241000000103")
    static let type1Withdrawn = Entry(date: "2021-01-15", code: "827261000000102")
    static let type2Dissent = Entry(date: "2020-01-15", code: "881561000000100")
  }

  var source = ExtractSource.gp
  var organisation: String
  var period = "2026-10"
  var patients: [Patient]

  var files: [String: String] {
    switch source {
    case .gp:
      let rows = patients.map {
        "\($0.ref),\($0.nhsNumber),\($0.born),\($0.sex),\($0.postcode),A,\($0.registered),"
      }
      let events = patients.flatMap { patient in
        patient.entries.map { "\(patient.ref),\($0.date),\($0.system),\($0.code),," }
      }
      return [
        "patients.csv": lines(GPExtract.patientColumns.joined(separator: ","), rows),
        "events.csv": lines(GPExtract.eventColumns.joined(separator: ","), events),
      ]
    case .hospital:
      let header = """
        LOPATID,NEWNHSNO,DOB,SEX,HOMEADD,GPPRAC,PROCODET,ADMIDATE,DISDATE,EPIORDER,EPISTART,EPIEND,ADMIMETH,DIAG_01
        """
      let rows = patients.flatMap { patient in
        patient.entries.map { entry in
          """
          \(patient.ref),\(patient.nhsNumber),\(patient.born),\(patient.sex),\(patient.postcode),A81001,\(organisation),\
          \(entry.date),\(entry.until ?? entry.date),1,\(entry.date),\(entry.until ?? entry.date),\(entry.method),\
          \(entry.code)
          """
        }
      }
      return ["episodes.csv": lines(header, rows)]
    case .community:
      let header =
        "LocalPatientID,NHSNumber,DateOfBirth,Gender,Postcode,OrgID_GP,CareContactID,Contact_Date,TeamType,"
        + "AttendanceStatus"
      let rows = patients.flatMap { patient in
        patient.entries.enumerated().map { index, entry in
          """
          \(patient.ref),\(patient.nhsNumber),\(patient.born),\(patient.sex),\(patient.postcode),A81001,\
          \(patient.ref)-\(index),\(entry.date),\(entry.code),5
          """
        }
      }
      return ["contacts.csv": lines(header, rows)]
    }
  }

  private func lines(_ header: String, _ rows: [String]) -> String {
    ([header] + rows).joined(separator: "\n") + "\n"
  }
}

struct TestObjection {
  var nhsNumber: String
  var type = 2
  var decision = "dissent"
  var date = "2020-06-01"
}
