//! The shipped calendar: its days add up, and the deadlines worked out by hand come out (R98).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use gendan::model::Title;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calendar {
    calendar: String,
    time_zone: String,
    hours: BTreeMap<String, Vec<String>>,
    years: BTreeMap<i32, Year>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Year {
    off: Vec<BTreeMap<String, Title>>,
    work: Vec<BTreeMap<NaiveDate, MakeUp>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MakeUp {
    #[serde(rename = "as")]
    weekday: String,
    why: Title,
}

#[test]
fn the_years_have_as_many_working_days_as_the_notices_give() {
    let calendar = calendar();
    assert_eq!((&*calendar.calendar, &*calendar.time_zone), ("cn_office", "Asia/Shanghai"));
    assert_eq!(calendar.hours["mon-fri"], ["09:00-12:00", "13:00-18:00"]);
    assert_eq!(calendar.years.keys().copied().collect::<Vec<_>>(), [2024, 2025, 2026]);
    for (year, off, work, working) in [(2024, 28, 8, 251), (2025, 28, 5, 248), (2026, 33, 6, 248)] {
        let (days_off, make_up) = days(&calendar, year);
        assert_eq!((days_off.len(), make_up.len()), (off, work), "{year}");
        assert!(make_up.iter().all(|day| weekend(*day) && !days_off.contains(day)), "{year}");
        let of_year = day(year, 1, 1).iter_days().take_while(|day| day.year() == year);
        assert_eq!(of_year.filter(|day| is_working(&calendar, *day) == Some(true)).count(), working, "{year}");
    }
}

#[test]
fn deadlines_worked_out_by_hand_come_out() {
    let calendar = calendar();
    for (start, working_days, due) in [
        (day(2026, 2, 13), 2, Some(day(2026, 2, 24))),
        (day(2026, 4, 30), 2, Some(day(2026, 5, 7))),
        (day(2026, 9, 18), 2, Some(day(2026, 9, 21))),
        (day(2026, 12, 30), 2, None),
    ] {
        assert_eq!(after(&calendar, start, working_days), due, "{start} and {working_days} working days");
    }
}

#[test]
fn every_day_has_its_reason_in_both_languages() {
    for (year, of_year) in &calendar().years {
        let off = of_year.off.iter().flat_map(|days| days.values());
        let make_up: Vec<&MakeUp> = of_year.work.iter().flat_map(|days| days.values()).collect();
        for title in off.chain(make_up.iter().map(|day| &day.why)) {
            assert!(title.zh.is_some() && title.en.is_some(), "{year}: {title:?}");
        }
        assert!(make_up.iter().all(|day| day.weekday == "mon"), "{year}");
    }
}

fn calendar() -> Calendar {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/workflows/calendars/cn_office.yaml");
    serde_yaml::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The days off and the make-up days of a year.
fn days(calendar: &Calendar, year: i32) -> (BTreeSet<NaiveDate>, BTreeSet<NaiveDate>) {
    let of_year = &calendar.years[&year];
    let mut off = BTreeSet::new();
    for span in of_year.off.iter().flat_map(|days| days.keys()) {
        let (first, last) = span.split_once("..").unwrap_or((span, span));
        let (first, last): (NaiveDate, NaiveDate) = (first.parse().unwrap(), last.parse().unwrap());
        assert!(first <= last && first.year() == year && last.year() == year, "{span}");
        off.extend(first.iter_days().take_while(|day| *day <= last));
    }
    (off, of_year.work.iter().flat_map(|days| days.keys().copied()).collect())
}

/// Whether a day is worked; nobody knows in a year that is not there.
fn is_working(calendar: &Calendar, day: NaiveDate) -> Option<bool> {
    calendar.years.get(&day.year())?;
    let (off, work) = days(calendar, day.year());
    Some(work.contains(&day) || (!weekend(day) && !off.contains(&day)))
}

/// The working day that is so many after `start`, which is not counted.
fn after(calendar: &Calendar, start: NaiveDate, working_days: u32) -> Option<NaiveDate> {
    let (mut day, mut left) = (start, working_days);
    while left > 0 {
        day = day.checked_add_days(Days::new(1))?;
        left -= u32::from(is_working(calendar, day)?);
    }
    Some(day)
}
