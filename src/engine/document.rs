//! Documents: printed from the values after the change, numbered, and frozen with the command.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::message::{Scene, Seen};
use crate::model::world::Hold;
use crate::model::{Case, Event, Language, Name, Reason, Record, RefusalKind, Title, Value, VerdictError};
use crate::rule::Facts;
use crate::workflow::{Document, Workflow};

use super::Sight;
use super::draft::{Draft, conflict};

impl Draft<'_> {
    /// Issues the documents that actions have left to be issued: gives each its number and freezes what is printed.
    /// One that can't be printed refuses the command, for its number would stand on nothing.
    pub(super) fn issue(&mut self) -> Result<(), Reason> {
        for name in std::mem::take(&mut self.to_issue) {
            let workflow = self.workflow;
            let Some(document) = workflow.documents.get(&name) else { continue };
            let facts = self.facts()?;
            if let Some(when) = &document.when
                && !self.condition(when, &facts, None)?
            {
                let (zh, en) = (
                    format!("现在不能开具 `{name}`: 条件不成立"),
                    format!("`{name}` can't be issued now: {}", when.text),
                );
                return Err(Reason { place: Some(when.place.clone()), ..conflict("document_not_due", &zh, &en) });
            }
            self.issue_one(document, facts)?;
        }
        Ok(())
    }

    /// The numbers of the documents that were issued: no other case may have one of them.
    pub(super) fn document_numbers(&self) -> Vec<Hold> {
        let issued = self.events.iter().filter_map(|recorded| {
            let Event::Issued { document, number, .. } = &recorded.event else { return None };
            let field = format!("documents/{document}").into();
            Some(Hold { workflow: Name::clone(&self.workflow.name), field, value: Name::clone(number) })
        });
        issued.collect()
    }

    fn issue_one(&mut self, document: &Document, facts: Facts) -> Result<(), Reason> {
        let day = self.now.day(self.workflow.zone);
        let series = document.number.series(&series_of(self.workflow, document), day);
        let Some(place) = self.world.place(&series) else {
            let title = Title::new("暂时无法取号", "no number can be had now; try again");
            return Err(Reason::new(RefusalKind::Unavailable, "no_number", title));
        };
        let number = document.number.write(day, place);
        let printed = print(self.workflow, document, &self.case.stage, facts, Some(&number))
            .map_err(|wrong| cannot_print(document, &wrong))?;
        let sha256 = sha256(printed.as_bytes());
        self.world.keep(&sha256, &Arc::from(printed.as_bytes()));
        let document = Name::clone(&document.name);
        self.record(Event::Issued { document, number, sha256, series, place }, Vec::new());
        Ok(())
    }
}

impl Sight<'_> {
    /// What a document would print now; `None` when it can't be issued as things stand.
    ///
    /// # Errors
    /// Why it can't be printed, for people.
    pub fn draft(&self, document: &Document, case: &Case) -> Result<Option<Name>, String> {
        let facts = self.facts(case);
        let told = |error: VerdictError| error.message.to_string();
        let due = document.when.as_ref().map_or(Ok(true), |when| self.holds(when, &facts, None)).map_err(told)?;
        if !due {
            return Ok(None);
        }
        print(self.workflow, document, &case.stage, facts, None).map(Some)
    }
}

/// The name under which the numbers of a document are unique, and of which its series are.
pub(super) fn series_of(workflow: &Workflow, document: &Document) -> Name {
    format!("{}/documents/{}", workflow.name, document.name).into()
}

/// Prints a document under its number; without one it is a draft.
fn print(
    workflow: &Workflow,
    document: &Document,
    stage: &Name,
    facts: Facts,
    number: Option<&Name>,
) -> Result<Name, String> {
    let stage = workflow.stages.get(stage).map(|stage| stage.title.clone()).unwrap_or_default();
    let draft = match document.language {
        Language::Zh => "草稿",
        Language::En => "draft",
    };
    let shown = number.map_or_else(|| Value::text(draft), |number| Value::Text(Name::clone(number)));
    let with = [("number", shown), ("draft", Value::Boolean(number.is_none()))];
    let with: Record = with.into_iter().map(|(name, value)| (Name::from(name), value)).collect();
    document.page.print(&Scene { cases: Arc::new(vec![Seen { facts, stage }]), with: Arc::new(with) })
}

fn cannot_print(document: &Document, wrong: &str) -> Reason {
    let name = &document.name;
    let title = Title::new(
        &format!("单证 `{name}` 无法打印: {wrong}"),
        &format!("the document `{name}` can't be printed: {wrong}"),
    );
    Reason::new(RefusalKind::Invalid, "document_not_printed", title)
}

fn sha256(bytes: &[u8]) -> Name {
    let digits = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    digits.into()
}
