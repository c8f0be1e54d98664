//! `calendar` in expressions: what it gives, what is refused at load, and a year that nobody knows (R98).

use std::collections::BTreeMap;
use std::sync::Arc;

use gendan::calendar::{Calendar, Hours, Special};
use gendan::model::Title;
use gendan::rule::{Environment, Facts};

use crate::ask::{facts, place};
use crate::common::{engine, environment};

/// Monday to Friday from nine to five in Shanghai; from 1 to 7 October 2026 nobody works, on the tenth they do.
fn with_calendar() -> (Environment, Facts) {
    let day = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
    let week = [1, 1, 1, 1, 1, 0, 0].map(|works| vec![Hours::parse("09:00-17:00").unwrap(); works]);
    let off = (1..=7).map(|of_month| (day(&format!("2026-10-0{of_month}")), Special::Off(Title::both("holiday"))));
    let make_up = Special::Work { as_day: chrono::Weekday::Mon, why: Title::both("make-up") };
    let days = off.chain([(day("2026-10-10"), make_up)]).collect();
    let zone = chrono_tz::Asia::Shanghai;
    let calendar = Calendar::new("office".into(), zone, week, BTreeMap::from([(2026, days)]));
    let facts = Facts { calendar: calendar.map(Arc::new), ..facts() };
    (Environment { calendar: true, ..environment() }, facts)
}

#[test]
fn working_days_and_hours_are_counted() {
    let engine = engine();
    let (environment, facts) = with_calendar();
    // It is the first of October in Shanghai.
    for (text, wanted) in [
        ("calendar.add_working_days(today, 2)", "\"2026-10-09\""),
        ("calendar.add_working_days(today, 3)", "\"2026-10-10\""),
        ("calendar.add_working_days(now, copies - 7)", "\"2026-10-01\""),
        ("calendar.add_working_days(promised_on, -1)", "\"2026-10-14\""),
        ("calendar.working_days(today, promised_on)", "7"),
        ("calendar.working_days(opened_at, now)", "4"),
        ("calendar.working_days(promised_on, now)", "-6"),
        ("calendar.days(opened_at, promised_on)", "21"),
        ("calendar.days(promised_on, today) + 1", "-13"),
        ("calendar.is_working_day(today) || !calendar.is_working_day(date(\"2026-10-10\"))", "false"),
        ("calendar.add_working_hours(opened_at, 9)", "\"2026-09-25T02:00:00Z\""),
        ("lines.all(|l| calendar.working_days(today, promised_on) > l.quantity)", "false"),
    ] {
        let expression = engine.expression(text, place(), &environment).unwrap_or_else(|found| panic!("{found:#?}"));
        let given = engine.evaluate(&expression, &facts, None).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(given.unwrap().to_json().to_string(), wanted, "{text}");
    }
}

#[test]
fn a_year_without_data_is_an_error_with_its_place_and_the_year() {
    let engine = engine();
    let (environment, facts) = with_calendar();
    for (text, year) in [
        ("1 + calendar.working_days(today, date(\"2027-01-01\"))", 2027),
        ("1 + calendar.working_days(today, date(\"9999-01-01\"))", 2027),
        ("calendar.add_working_days(today, -300)", 2025),
        ("calendar.add_working_hours(now, 9000)", 2027),
        ("calendar.is_working_day(date(\"2025-12-31\"))", 2025),
    ] {
        let expression = engine.expression(text, place(), &environment).unwrap();
        let error = engine.evaluate(&expression, &facts, None).unwrap_err();
        let message = format!("the calendar `office` has no data for the year {year}");
        assert_eq!((&*error.code, &*error.message), ("no_calendar_data", &*message), "{text}");
        assert_eq!(&error.place.file, &place().file, "{text}");
    }
    let expression = engine.expression("calendar.add_working_hours(now, -1)", place(), &environment).unwrap();
    assert_eq!(&*engine.evaluate(&expression, &facts, None).unwrap_err().code, "script");
}

#[test]
fn what_a_calendar_does_not_take_is_refused_at_load() {
    let engine = engine();
    let (environment, _) = with_calendar();
    for (text, code) in [
        ("calendar.add_working_days(today, 1.5 + kind)", "E208"),
        ("calendar.add_working_days(kind, 2)", "E208"),
        ("calendar.add_working_days(today)", "E206"),
        ("calendar.add_working_hours(today, 2)", "E208"),
        ("calendar.working_days(confirmed_on, today)", "E207"),
        ("calendar.add_work_days(today, 2)", "E205"),
        ("calendar.holidays", "E204"),
        ("calendar", "E208"),
        ("`${calendar}`", "E208"),
        ("`${entered}`", "E208"),
        ("calender.working_days(today, today)", "E203"),
    ] {
        let found = engine.expression(text, place(), &environment).unwrap_err();
        assert!(found.iter().any(|found| &*found.code == code), "{text}: {found:#?}");
    }
}

#[test]
fn a_workflow_without_a_calendar_has_no_such_name() {
    let found = engine().expression("calendar.days(today, today) > 0", place(), &environment()).unwrap_err();
    assert_eq!(&*found[0].code, "E203");
}
