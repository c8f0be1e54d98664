//! Kin: whose children a workflow's cases are, what they open, and which transitions they take of each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::Action;
use crate::action::kin::{Each, Open, Signal, Whom};
use crate::diagnostic::Diagnostic;
use crate::field::{Field, Required, Schema};
use crate::model::Name;
use crate::model::command::SIGNAL;
use crate::rule::{Relation, Relations};
use crate::workflow::definition::Given;
use crate::workflow::source::{
    ActionSource, OpenSource, SignalSource, TransitionSource, WorkflowSource, kin_names, schema_of,
};
use crate::workflow::walk::{At, Entry, Node, What};

use super::field::begins;
use super::given::computed;
use super::names::unknown;
use super::sources::Sources;
use super::words::words;
use super::workflow::Compiler;

/// The kin of the cases of each workflow.
pub(in crate::workflow) fn relations(sources: &Sources, found: &mut Vec<Diagnostic>) -> BTreeMap<Name, Relations> {
    let mut all: BTreeMap<Name, Relations> = BTreeMap::new();
    for source in sources.workflows.values().flatten() {
        let own = all.entry(Name::clone(&source.name)).or_default();
        if let Some(parent) = &source.parent {
            own.parent = relation(sources, &parent.value);
            if !sources.workflows.contains_key(&parent.value) {
                found.push(unknown("E180", "workflow", parent, sources.workflows.keys().map(|name| &**name)));
            }
        }
    }
    for source in sources.workflows.values().flatten() {
        for action in source.all_actions() {
            if let ActionSource::Open(open) = action {
                child(sources, source, open, &mut all, found);
            }
        }
    }
    all
}

fn relation(sources: &Sources, workflow: &Name) -> Option<Relation> {
    let source = sources.workflows.get(workflow)?.as_ref()?;
    Some(Relation {
        workflow: Name::clone(workflow),
        schema: Arc::new(schema_of(&source.fields)),
        stages: source.stages.iter().map(|stage| Name::clone(&stage.name.value)).collect(),
    })
}

/// Notes what an `open` makes a child of what.
fn child(
    sources: &Sources,
    source: &WorkflowSource,
    open: &OpenSource,
    all: &mut BTreeMap<Name, Relations>,
    found: &mut Vec<Diagnostic>,
) {
    let OpenSource { workflow, role, .. } = open;
    let Some(opened) = sources.workflows.get(&workflow.value) else {
        found.push(unknown("E180", "workflow", workflow, sources.workflows.keys().map(|name| &**name)));
        return;
    };
    let owner = match (&source.parent, open.under_parent) {
        (_, false) => &source.name,
        (Some(parent), true) => &parent.value,
        (None, true) => {
            let error = open.spot.error("E186", "this workflow has no `parent` under which a case could be opened");
            found.push(error.help("say at its top whose children its cases are: `parent: WORKFLOW`"));
            return;
        }
    };
    let Some(opened) = opened else { return };
    if opened.parent.as_ref().is_none_or(|parent| parent.value != *owner) {
        let error = workflow.spot.error("E181", format!("the cases of `{}` are no children of `{owner}`", opened.name));
        found.push(error.help(format!("write `parent: {owner}` at the top of `workflows/{}.yaml`", opened.name)));
        return;
    }
    let Some(relation) = relation(sources, &workflow.value) else { return };
    let children = &mut all.entry(Name::clone(owner)).or_default().children;
    if let Some(other) = children.get(&role.value).filter(|other| other.workflow != relation.workflow) {
        let message = format!("`{}` are already the children that follow `{}`", role.value, other.workflow);
        found.push(role.spot.error("E182", message).help("children of another workflow need a name of their own"));
        return;
    }
    children.insert(Name::clone(&role.value), relation);
}

impl Compiler<'_> {
    /// Compiles `open`.
    pub(super) fn open_action(&mut self, source: &OpenSource) -> Option<Action> {
        let opened = self.shared.sources.workflows.get(&source.workflow.value)?.as_ref()?;
        let schema = schema_of(&opened.fields);
        let each = source.each.as_ref().map(|each| self.listed(each));
        let each = if let Some(each) = each { Some(each?) } else { None };
        let line = each.as_ref().map(|each| Name::clone(&each.list));
        let when = self.condition_in(source.when.as_ref(), line.as_ref());
        let with = self.handed(&source.with, &schema, line.as_ref());
        self.complete(source, opened, &schema);
        Some(Action::Open(Open {
            workflow: Name::clone(&source.workflow.value),
            role: Name::clone(&source.role.value),
            each,
            when,
            with,
            under_parent: source.under_parent,
            place: source.spot.place.clone(),
        }))
    }

    /// The list, or the subset of one, that `each` names.
    fn listed(&mut self, name: &At<Name>) -> Option<Each> {
        let (list, subset) = match name.value.split_once('.') {
            Some((list, subset)) => (list, Some(Name::from(subset))),
            None => (&*name.value, None),
        };
        self.used.words.insert(list.into());
        let listed = self.rows(list).is_some();
        let subsets = self.source.fields.iter().filter(|field| *field.name.value == *list);
        let known = subset
            .as_ref()
            .is_none_or(|subset| subsets.flat_map(|field| &field.subsets).any(|(known, _)| known.value == *subset));
        if !listed || !known {
            let error = name.spot.error("E183", format!("`{}` is no list of rows, and no subset of one", name.value));
            self.found.push(error.help("name a list of the case (`lines`), or a subset of it (`lines.short`)"));
            return None;
        }
        Some(Each { list: list.into(), subset })
    }

    /// Fields of another case, and what they get.
    fn handed(&mut self, with: &[Entry], schema: &Schema, line: Option<&Name>) -> Vec<(Name, Given)> {
        let mut handed = Vec::new();
        for entry in with {
            let name = &entry.key;
            let Some(field) = schema.get(&name.value) else {
                self.found.push(unknown("E103", "field", name, schema.fields.keys().map(|field| &**field)));
                continue;
            };
            if field.computed {
                let message = format!("`{}` is computed by its formula and can't be given", name.value);
                self.found.push(name.spot.error("E112", message));
                continue;
            }
            handed.extend(self.handed_value(field, &entry.value, line).map(|given| (Name::clone(&name.value), given)));
        }
        handed
    }

    fn handed_value(&mut self, field: &Field, node: &Node, line: Option<&Name>) -> Option<Given> {
        if let What::Scalar(scalar) = &node.what
            && let Some(code) = computed(scalar, node)
        {
            return self.fitting(&code, line, field).map(Given::Expression);
        }
        self.given(field, node)
    }

    /// A child must get what it can't be without.
    fn complete(&mut self, source: &OpenSource, opened: &WorkflowSource, schema: &Schema) {
        let given = |name: &Name| source.with.iter().any(|entry| entry.key.value == *name);
        let begun =
            |name: &Name| opened.fields.iter().any(|field| field.name.value == *name && field.default.is_some());
        let lacks = |field: &&Field| {
            field.required == Required::Always && !field.computed && !given(&field.name) && !begun(&field.name)
        };
        let lacking: Vec<String> =
            schema.fields.values().filter(lacks).map(|field| format!("`{}`", field.name)).collect();
        if !lacking.is_empty() {
            let message = format!("`{}` can't be opened without {}", opened.name, lacking.join(", "));
            self.found.push(source.workflow.spot.error("E185", message).help("give it under `with`"));
        }
    }

    /// Compiles `signal`.
    pub(super) fn signal_action(&mut self, source: &SignalSource) -> Option<Action> {
        let to = self.whom(&source.to)?;
        let relation = match &to {
            Whom::Parent => self.environment.kin.parent.clone(),
            Whom::Children(role) => self.environment.kin.children.get(role).cloned(),
        }?;
        let other = self.shared.sources.workflows.get(&relation.workflow)?.as_ref()?;
        self.signalled(source, other);
        let with = self.handed(&source.with, &relation.schema, None);
        let take = Name::clone(&source.take.value);
        Some(Action::Signal(Signal { to, take, with, optional: source.optional, place: source.spot.place.clone() }))
    }

    fn whom(&mut self, to: &At<Name>) -> Option<Whom> {
        if &*to.value == "parent" {
            if self.environment.kin.parent.is_none() && self.source.parent.is_none() {
                let error = to.spot.error("E186", "this workflow has no `parent`");
                self.found.push(error.help("say at its top whose children its cases are: `parent: WORKFLOW`"));
            }
            return Some(Whom::Parent);
        }
        let Some(role) = to.value.strip_prefix("children.") else {
            self.found.push(to.spot.error("E186", "a signal goes to `parent` or to `children.NAME`"));
            return None;
        };
        let role = At { value: Name::from(role), spot: to.spot.clone() };
        self.children_called(&role).then_some(Whom::Children(role.value))
    }

    /// Whether children are opened under a name.
    fn children_called(&mut self, role: &At<Name>) -> bool {
        let kin = Arc::clone(&self.environment.kin);
        if kin.children.contains_key(&role.value) {
            return true;
        }
        let known: Vec<&str> = kin.children.keys().map(|name| &**name).collect();
        let message = format!("no children are opened as `{}`", role.value);
        self.found.push(Diagnostic { message: message.into(), ..unknown("E186", "child", role, known) });
        false
    }

    /// The transition that a signal takes must be there, let itself be taken, and take what it is given.
    fn signalled(&mut self, source: &SignalSource, other: &WorkflowSource) {
        let SignalSource { take, with, .. } = source;
        let named: Vec<&TransitionSource> =
            other.all_transitions().filter(|transition| transition.name.value == take.value).collect();
        if named.is_empty() {
            let known =
                other.all_transitions().map(|transition| &*transition.name.value).filter(|name| *name != "open");
            self.found.push(unknown("E184", &format!("transition of `{}`", other.name), take, known));
            return;
        }
        let open = |transition: &&&TransitionSource| transition.by.iter().flatten().any(|by| &*by.value == SIGNAL);
        let takers: Vec<&&TransitionSource> = named.iter().filter(open).collect();
        if takers.is_empty() {
            let message = format!("`{}` of `{}` is not taken by signals", take.value, other.name);
            self.found.push(take.spot.error("E184", message).help("add `signal` to its `by`"));
            return;
        }
        if takers.iter().any(|transition| !transition.approvals.is_empty()) {
            let message =
                format!("`{}` of `{}` needs approval, and a signal can't wait for it", take.value, other.name);
            let help = "signal one without `approvals`, or ask for them where the signal is sent";
            self.found.push(take.spot.error("E173", message).help(help));
        }
        for entry in with {
            let name = &entry.key.value;
            let takes = takers.iter().any(|transition| {
                transition
                    .ask
                    .iter()
                    .map(|(field, _)| field)
                    .chain(&transition.change)
                    .any(|field| field.value == *name)
            });
            if !takes && schema_of(&other.fields).get(name).is_some() {
                let message = format!("`{}` of `{}` does not take `{name}`", take.value, other.name);
                self.found.push(entry.key.spot.error("E185", message).help("add it to its `ask` or `change`"));
            }
        }
        let begun = |name: &Name| other.fields.iter().any(|field| field.name.value == *name && begins(field));
        let must = takers.iter().flat_map(|transition| &transition.ask).filter(|(_, must)| *must);
        let lacking =
            must.filter(|(field, _)| !with.iter().any(|entry| entry.key.value == field.value) && !begun(&field.value));
        let lacking: Vec<String> = lacking.map(|(field, _)| format!("`{}`", field.value)).collect();
        if !lacking.is_empty() {
            let message = format!("`{}` of `{}` must be answered {}", take.value, other.name, lacking.join(", "));
            self.found.push(take.spot.error("E185", message).help("give it under `with`"));
        }
    }

    /// `none_open: exceptions` as an expression.
    pub(super) fn none_open(&mut self, nodes: &[Node]) -> Option<String> {
        let names: Vec<At<Name>> = kin_names(nodes).collect();
        let known = names.iter().filter(|name| self.children_called(name)).count();
        if names.is_empty() || known < nodes.len() {
            return None;
        }
        let parts: Vec<String> = names.iter().map(|name| format!("children.{}.open == 0", name.value)).collect();
        Some(parts.join(" && "))
    }

    /// Warns of `all` over children where nobody counts them: over none it is true.
    pub(super) fn uncounted(&mut self, code: &crate::workflow::source::Code) {
        if let Some(role) = uncounted(&code.text) {
            let message = format!("`all` is true where there are no `{role}`");
            let warning = code.spot.warning("W180", message);
            self.found.push(warning.help(format!("ask for them too: `children.{role}.len() > 0 && ...`")));
        }
    }
}

/// The children of which an expression asks `all` without asking whether there are any.
fn uncounted(text: &str) -> Option<Name> {
    let words: Vec<_> = words(text);
    // What is asked of children: their name, and what is called on them.
    let mut asked: Vec<(&str, &str)> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if word.name != "children" || word.member {
            continue;
        }
        let mut rest = words.iter().skip(index.saturating_add(1)).filter(|word| word.member).map(|word| word.name);
        let (Some(role), call) = (rest.next(), rest.next()) else { continue };
        let call = if call == Some("live") { rest.next() } else { call };
        asked.push((role, call.unwrap_or_default()));
    }
    let counts = |of: &str| asked.iter().any(|(role, call)| *role == of && matches!(*call, "len" | "is_empty" | "any"));
    asked.iter().find(|(role, call)| *call == "all" && !counts(role)).map(|(role, _)| Name::from(*role))
}

#[cfg(test)]
mod tests {
    use super::uncounted;

    #[test]
    fn all_without_a_count_is_found() {
        for (text, expected) in [
            ("children.jobs.all(|j| j.stage == \"done\")", Some("jobs")),
            ("children.jobs.live.all(|j| j.stage == \"done\")", Some("jobs")),
            ("children.jobs.len() > 0 && children.jobs.all(|j| j.ok)", None),
            ("children.jobs.live.len() == 3 && children.jobs.live.all(|j| j.ok)", None),
            ("children.trips.len() > 0 && children.jobs.all(|j| j.ok)", Some("jobs")),
            ("children.jobs.any(|j| j.ok)", None),
            ("lines.all(|l| l.ok)", None),
        ] {
            assert_eq!(uncounted(text).as_deref(), expected, "{text}");
        }
    }
}
