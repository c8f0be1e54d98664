//! The moment at which the engine takes a transition.

use crate::field::Kind;
use crate::workflow::source::TransitionSource;
use crate::workflow::timed::{Anchor, Moment, Timed};
use crate::workflow::walk::At;

use super::workflow::Compiler;

impl Compiler<'_> {
    /// The moment under `at`; that it can't be one is reported.
    pub(super) fn timed(&mut self, source: &TransitionSource) -> Option<Timed> {
        let written = source.at.as_ref()?;
        if let Some((asked, _)) = source.ask.iter().find(|(_, must)| *must) {
            let message =
                format!("the engine takes `{}` when it is due and can't answer `{}`", source.name.value, asked.value);
            self.found.push(
                asked
                    .spot
                    .error("E126", message)
                    .help("leave out the `!`: then people are asked, and the engine goes on without"),
            );
        }
        let Some(moment) = Moment::read(&written.value) else {
            let error = written.spot.error("E150", format!("`{}` is no moment", written.value));
            let forms = "write a field with a date and time, `2h after entered`, `3 working days after FIELD` or `18:00 on the day of FIELD`";
            self.found.push(error.help(forms));
            return None;
        };
        self.anchored(&moment, written)?;
        if moment.needs_calendar() {
            self.needs_calendar(&written.value, &written.spot);
        }
        Some(Timed { text: written.value.clone(), moment })
    }

    /// The field that a moment is counted from must hold one.
    pub(super) fn anchored(&mut self, moment: &Moment, written: &At<crate::model::Name>) -> Option<()> {
        let Anchor::Field(field) = moment.anchor() else { return Some(()) };
        let name = At { value: field.clone(), spot: written.spot.clone() };
        let field = self.field(&name)?;
        self.used.words.insert(field.clone());
        let kind = self.environment.schema.get(&field).map(|field| &field.kind);
        let day = matches!(kind, Some(Kind::Date));
        if self.broken.contains(&field)
            || matches!(kind, Some(Kind::Datetime))
            || (day && matches!(moment, Moment::OnDay(..)))
        {
            return Some(());
        }
        let error = written.spot.error("E151", format!("`{field}` holds no moment"));
        self.found.push(if day {
            error.help(format!("say at what time of that day: `18:00 on the day of {field}`"))
        } else {
            error.help("name a field of the type `datetime`")
        });
        None
    }
}
