//! What nothing uses.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::field::Required;
use crate::model::Name;
use crate::workflow::compile::{Sources, Used};
use crate::workflow::source::{FieldSource, WorkflowSource};
use crate::workflow::walk::Spot;

/// Looks for fields that are not required and that no transition, edit, rule, condition or formula names. One with
/// a title is meant for people: it is given at the opening and shown.
pub(super) fn fields(workflow: &WorkflowSource, used: Option<&Used>, found: &mut Vec<Diagnostic>) {
    let Some(used) = used else { return };
    for field in &workflow.fields {
        if !in_use(field, used) {
            let warning = field.name.spot.warning("W104", format!("nothing names the field `{}`", field.name.value));
            found.push(
                warning.help("ask for it in a transition, give it a title if people fill it in, or leave it out"),
            );
        }
    }
}

fn in_use(source: &FieldSource, used: &Used) -> bool {
    let field = &source.field;
    let shown = field.computed || source.title.is_some();
    let said = field.required != Required::Never || field.unique || shown;
    said || source.broken || used.written.contains(&field.name) || used.words.contains(&field.name)
}

/// Looks for roles and rules that no workflow names.
pub(super) fn roles_and_rules(sources: &Sources, used: &BTreeMap<Name, Used>, found: &mut Vec<Diagnostic>) {
    let roles: BTreeSet<&Name> = used.values().flat_map(|used| &used.roles).collect();
    for (role, _) in &sources.roles {
        if !roles.contains(&role.value) && !matches!(&*role.value, "admin" | "system") {
            found.push(role.spot.warning("W106", format!("no workflow uses the role `{}`", role.value)));
        }
    }
    let rules: BTreeSet<&Name> = used.values().flat_map(|used| &used.rules).collect();
    for (rule, source) in &sources.rules {
        if let (Some((path, _)), false) = (source, rules.contains(rule)) {
            let warning = Spot::file(path).warning("W105", format!("no workflow uses the rule `{rule}`"));
            found.push(warning.help("name it under `checks` or in a `run`"));
        }
    }
}

/// Looks for messages that no workflow sends.
pub(super) fn messages(sources: &Sources, used: &BTreeMap<Name, Used>, found: &mut Vec<Diagnostic>) {
    let sent: BTreeSet<&Name> = used.values().flat_map(|used| &used.messages).collect();
    for (message, source) in &sources.letters {
        if let (Some(source), false) = (source, sent.contains(message)) {
            let warning = source.file.warning("W109", format!("no workflow sends the message `{message}`"));
            found.push(warning.help("send it with `notify`, or leave it out"));
        }
    }
}
