//! Titles with one language where others have two.

use crate::diagnostic::Diagnostic;
use crate::model::Title;
use crate::workflow::compile::Sources;
use crate::workflow::source::{CheckSource, FieldSource, Judge, TransitionSource, WorkflowSource};
use crate::workflow::walk::At;

/// Looks for missing translations.
pub(super) fn lint(sources: &Sources, found: &mut Vec<Diagnostic>) {
    let mut titles: Vec<&At<Title>> = sources.sentences.iter().collect();
    titles.extend(sources.roles.iter().filter_map(|(_, title)| title.as_ref()));
    for table in &sources.tables {
        titles.extend(&table.title);
        fields(&table.columns, &mut titles);
    }
    for source in sources.workflows.values().flatten() {
        workflow(source, &mut titles);
    }
    // One text without a language counts for both.
    let translated = |title: &&At<Title>| title.value.zh.is_some() && title.value.en.is_some();
    if !titles.iter().any(|title| translated(title) && title.value.zh != title.value.en) {
        return;
    }
    for title in titles.iter().filter(|title| !translated(title)) {
        let missing = if title.value.zh.is_none() { "Chinese (`zh`)" } else { "English (`en`)" };
        found.push(title.spot.warning("W107", format!("the text in {missing} is missing")));
    }
}

fn workflow<'s>(source: &'s WorkflowSource, titles: &mut Vec<&'s At<Title>>) {
    titles.extend(&source.title);
    fields(&source.fields, titles);
    for stage in &source.stages {
        titles.extend(&stage.title);
        titles.extend(stage.tasks.iter().filter_map(|task| task.title.as_ref()));
    }
    for view in &source.views {
        titles.extend(&view.title);
        titles.extend(view.columns.iter().filter_map(|column| column.title.as_ref()));
    }
    titles.extend(source.documents.iter().filter_map(|document| document.title.as_ref()));
    titles.extend(source.measures.iter().filter_map(|measure| measure.title.as_ref()));
    let of_stages = source.stages.iter().flat_map(|stage| &stage.transitions);
    of_stages.chain(&source.any_stage).chain(&source.open).for_each(|source| transition(source, titles));
}

fn transition<'s>(source: &'s TransitionSource, titles: &mut Vec<&'s At<Title>>) {
    titles.extend(&source.title);
    for CheckSource { judge, .. } in &source.checks {
        match judge {
            Judge::Need(_, say, _) => titles.extend(say),
            Judge::Rule(..) => {}
        }
    }
}

fn fields<'s>(sources: &'s [FieldSource], titles: &mut Vec<&'s At<Title>>) {
    for source in sources {
        titles.extend(&source.title);
        titles.extend(&source.choice_titles);
        fields(&source.rows, titles);
    }
}
