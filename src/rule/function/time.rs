//! Days, moments and spans: `date`, `datetime`, `days`, `hours`, `minutes`.

use chrono::{Datelike, NaiveDate};
use rhai::{Engine, Module};

use super::super::fault::Fault;
use super::super::host::{Date, Moment, Span};
use super::super::run;
use super::Answer;
use crate::model::Timestamp;

/// Adds them.
pub(super) fn add(module: &mut Module) {
    super::add(module, "date", |text: &str| -> Answer<Date> {
        let day = text.parse::<NaiveDate>().map(Date);
        Ok(day.map_err(|_| Fault::script(format!("`{text}` is not a date such as 2026-10-15")))?)
    });
    super::add(module, "date", |moment: Moment| -> Answer<Date> {
        Ok(run::see(|run| Ok(Date(moment.0.day(run.facts.zone))))?)
    });
    super::add(module, "datetime", |text: &str| -> Answer<Moment> {
        let moment = Timestamp::parse(text).map(Moment);
        Ok(moment
            .map_err(|_| Fault::script(format!("`{text}` is not a datetime such as 2026-10-15T09:00:00+08:00")))?)
    });
    for (name, seconds) in [("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1)] {
        super::add(module, name, move |number: i64| -> Answer<Span> {
            let span = number.checked_mul(seconds).map(Span);
            Ok(span.ok_or_else(|| Fault::script("the duration is too long"))?)
        });
    }
}

/// Adds the parts of days, moments and spans as properties.
pub(super) fn properties(engine: &mut Engine) {
    engine
        .register_get("year", |day: &mut Date| i64::from(day.0.year()))
        .register_get("month", |day: &mut Date| i64::from(day.0.month()))
        .register_get("day", |day: &mut Date| i64::from(day.0.day()))
        .register_get("weekday", |day: &mut Date| i64::from(day.0.weekday().number_from_monday()))
        .register_get("seconds", |span: &mut Span| span.0);
}
