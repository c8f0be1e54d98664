//! What is kept and counted: the demo is played once, and its history, its tables and its measures are counted a
//! second time from what is exported.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value as Json;

/// What came of the demo.
struct Played {
    /// The events of each case, in their order.
    cases: BTreeMap<String, Vec<Json>>,
    /// The rows of the tables, by their titles.
    views: BTreeMap<&'static str, Vec<Row>>,
    /// Of how many, and how many, each measure says.
    measures: BTreeMap<String, (u64, u64)>,
}

type Row = BTreeMap<String, String>;

fn gendan(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_gendan")).args(arguments).env("LANG", "C").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn played() -> &'static Played {
    static PLAYED: OnceLock<Played> = OnceLock::new();
    PLAYED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("demo/data");
        let data = data.to_str().unwrap();
        gendan(&["demo", "--cases", "30", "--exit", "--folder", folder.path().join("demo").to_str().unwrap()]);
        let mut cases: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        for line in gendan(&["export", "--data", data]).lines() {
            let record: Json = serde_json::from_str(line).unwrap();
            let Some(case) = record.pointer("/entry/case") else { continue };
            let id = case["case"].as_str().unwrap_or_else(|| panic!("{case}")).to_owned();
            cases.entry(id).or_default().extend(case["events"].as_array().unwrap().iter().cloned());
        }
        let views = ["tracking", "production_progress"].map(|view| (view, rows(data, view))).into();
        Played { cases, views, measures: measures(data) }
    })
}

fn rows(data: &str, view: &str) -> Vec<Row> {
    let text = gendan(&["view", view, "--csv", "-", "--lang", "en", "--data", data]);
    let mut rows = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let titles: Vec<String> = rows.headers().unwrap().iter().map(str::to_owned).collect();
    let row = |row: csv::StringRecord| titles.iter().cloned().zip(row.iter().map(str::to_owned)).collect();
    rows.records().map(|found| row(found.unwrap())).collect()
}

fn measures(data: &str) -> BTreeMap<String, (u64, u64)> {
    let said: Json = serde_json::from_str(&gendan(&["measures", "--format", "json", "--data", data])).unwrap();
    let number = |measure: &Json, of: &str| measure["total"][of].as_u64().unwrap_or_default();
    let measure = |measure: &Json| {
        (measure["measure"].as_str().unwrap().to_owned(), (number(measure, "of"), number(measure, "count")))
    };
    said["data"].as_array().unwrap().iter().map(measure).collect()
}

impl Played {
    /// The events of a kind in all cases of a workflow, by case.
    fn events<'a>(&'a self, workflow: &'a str, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Json)> {
        let of = move |events: &&Vec<Json>| events[0].pointer("/event/Opened/workflow") == Some(&Json::from(workflow));
        let cases = self.cases.iter().filter(move |(_, events)| of(events));
        cases.flat_map(move |(id, events)| {
            events.iter().filter_map(move |event| Some((&**id, event["event"].get(kind)?)))
        })
    }

    /// The orders that have been in a stage.
    fn entered(&self, stage: &str) -> BTreeSet<&str> {
        let taken = self.events("sales_order", "Taken").filter(|(_, taken)| taken["to"] == stage);
        taken.map(|(id, _)| id).collect()
    }

    fn view(&self, view: &str) -> &[Row] {
        &self.views[view]
    }

    fn measure(&self, name: &str) -> (u64, u64) {
        self.measures[name]
    }
}

#[test]
fn every_change_is_kept_with_who_and_when_and_leads_from_the_status_before_r15() {
    for (id, events) in &played().cases {
        let mut stage = Json::Null;
        for (index, event) in events.iter().enumerate() {
            assert_eq!(event["version"], index + 1, "{id}");
            assert!(event["at"].is_i64() && event["by"].as_str().is_some_and(|by| !by.is_empty()), "{event}");
            if let Some(opened) = event["event"].get("Opened") {
                stage = opened["stage"].clone();
            }
            if let Some(taken) = event["event"].get("Taken") {
                assert_eq!(taken["from"], stage, "{id} {event}");
                stage = taken["to"].clone();
            }
        }
    }
}

#[test]
fn each_shipment_has_a_delivery_note_with_a_number_of_its_own_r72() {
    let shipped = played().entered("shipped");
    let notes: Vec<(&str, &str)> =
        played().events("sales_order", "Issued").map(|(id, issued)| (id, issued["number"].as_str().unwrap())).collect();
    assert!(!shipped.is_empty() && notes.len() >= shipped.len());
    assert_eq!(notes.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>(), shipped);
    assert_eq!(notes.iter().map(|(_, number)| *number).collect::<BTreeSet<_>>().len(), notes.len());
}

#[test]
fn the_tables_have_their_columns_and_a_row_for_each_line_and_each_production_r116_r117() {
    let tracking = played().view("tracking");
    for column in [
        "Order number",
        "Customer's name on the order",
        "Contact",
        "Phone",
        "Ordered on",
        "Source",
        "Stage",
        "Specification",
        "Quantity",
        "Unit price",
        "Amount",
        "Promised on",
        "Signed at",
        "Tracking number",
        "Sales rep",
    ] {
        assert!(tracking[0].contains_key(column), "{column}: {:?}", tracking[0].keys());
    }
    let orders = played().events("sales_order", "Opened").count();
    assert_eq!(tracking.iter().map(|row| &row["Number"]).collect::<BTreeSet<_>>().len(), orders);
    let tracked = tracking.iter().filter(|row| !row["Tracking number"].is_empty());
    let shipped = played().entered("shipped").len();
    assert_eq!(tracked.map(|row| &row["Number"]).collect::<BTreeSet<_>>().len(), shipped);
    let production = played().view("production_progress");
    for column in ["Planned start", "Owner of the step", "Planned finish", "Percent done", "Quantity", "Remark"] {
        assert!(production[0].contains_key(column), "{column}: {:?}", production[0].keys());
    }
    assert_eq!(production.len(), played().events("production", "Opened").count());
}

#[test]
fn measures_are_what_a_second_count_gives_r133() {
    let played = played();
    let (orders, shipped) = (played.events("sales_order", "Opened").count() as u64, played.entered("shipped").len());
    assert_eq!(played.measure("fulfilment"), (orders, shipped as u64));
    // The lines of what was delivered, and those that were signed for by the day that was promised first.
    let rows = played.view("tracking");
    let signed: Vec<_> = rows.iter().filter(|row| !row["Signed at"].is_empty()).collect();
    let in_time = signed.iter().filter(|row| row["Signed at"].get(..10) <= row["First promised on"].get(..10));
    assert_eq!(played.measure("on_time_in_full"), (signed.len() as u64, in_time.count() as u64));
    assert!(!signed.is_empty());
}

#[test]
fn the_share_of_deadlines_met_is_what_a_second_count_gives_r134() {
    let played = played();
    let definition = super::files::shipped();
    let mut decided_at_all = 0;
    for sla in &definition.workflows["sales_order"].slas {
        let changes = played.events("sales_order", "Clock").filter(|(_, clock)| clock["sla"] == *sla.name);
        let (mut met, mut missed) = (BTreeSet::new(), BTreeSet::new());
        for (id, clock) in changes {
            let of = (id, clock["number"].as_u64());
            match clock["change"].as_object().and_then(|change| change.keys().next()).map(String::as_str) {
                Some("met") => assert!(met.insert(of), "{id} {clock}"),
                Some("met_late" | "breached") => drop(missed.insert(of)),
                _ => {}
            }
        }
        assert_eq!(met.intersection(&missed).count(), 0, "{}", sla.name);
        let decided = (met.len() + missed.len()) as u64;
        assert_eq!(
            played.measure(&format!("slas.sales_order.{}", sla.name)),
            (decided, met.len() as u64),
            "{}",
            sla.name
        );
        decided_at_all += decided;
    }
    assert!(decided_at_all > 20, "{decided_at_all}");
    let approved = played.entered("approved").len() as u64;
    assert_eq!(played.measure("errors").0, approved);
}
