//! Kin in scripts: `parent.x`, and `children.NAME`, a list of records with `.open` and `.live`.
//!
//! Other cases are read when a script names them, and not before: whoever reads one leans on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{Dynamic, Engine};

use crate::field::Schema;
use crate::model::{Name, Record, Timestamp, Title};

use super::fault::Fault;
use super::host::{List, Row, RowRole};
use super::run;

/// What is known of the kin of a workflow's cases: the basis of the check at load.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    /// The parent, for a workflow that has one.
    pub parent: Option<Relation>,
    /// The children, by the name under which they are opened.
    pub children: BTreeMap<Name, Relation>,
}

/// What is known of a case of another workflow.
#[derive(Clone, Debug)]
pub struct Relation {
    /// The workflow.
    pub workflow: Name,
    /// Its fields.
    pub schema: Arc<Schema>,
    /// Its stages.
    pub stages: Vec<Name>,
}

/// The kin of one case at one moment.
pub trait Kindred: Send + Sync {
    /// The case that opened it.
    fn parent(&self) -> Option<Relative>;

    /// Its children of one kind, in the order in which they were opened.
    fn children(&self, role: &str) -> Vec<Relative>;
}

/// Another case, as scripts see it.
#[derive(Clone, Debug)]
pub struct Relative {
    /// Its fields' values.
    pub fields: Arc<Record>,
    /// Its fields.
    pub schema: Arc<Schema>,
    /// Its number.
    pub number: Name,
    /// The stage it is in.
    pub stage: Name,
    /// What that is called.
    pub stage_title: Title,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Who opened it.
    pub opened_by: Name,
    /// Whether it has ended, somehow.
    pub ended: bool,
    /// Whether it was called off.
    pub cancelled: bool,
}

/// `children`.
#[derive(Clone, Debug)]
pub(super) struct Children;

/// The subset of children that were not called off.
pub(super) const LIVE: &str = "live";

/// How many children have not ended.
pub(super) const OPEN: &str = "open";

/// Adds the type.
pub(super) fn access(engine: &mut Engine) {
    engine
        .register_type_with_name::<Children>("children")
        .register_indexer_get(|_: &mut Children, role: &str| -> Result<List, Box<rhai::EvalAltResult>> {
            Ok(children(role)?)
        })
        .register_get(OPEN, |list: &mut List| -> Result<i64, Box<rhai::EvalAltResult>> { Ok(open(list)?) });
}

/// `parent`; `()` for a case without one.
pub(super) fn parent(run: &run::Run) -> Dynamic {
    let parent = run.facts.kin.as_ref().and_then(|kin| kin.parent());
    parent.map_or(Dynamic::UNIT, |relative| Dynamic::from(Row::kin(relative)))
}

fn children(role: &str) -> Result<List, Fault> {
    let kin = run::see(|run| Ok(run.facts.kin.clone()))?;
    let found = kin.map(|kin| kin.children(role)).unwrap_or_default();
    List::made(found.into_iter().map(|relative| Dynamic::from(Row::kin(relative))).collect())
}

/// Those of a list of cases that were not called off.
pub(super) fn live(list: &List) -> Result<List, Fault> {
    let mut kept = Vec::new();
    for item in list.iter() {
        if !relative(&item)?.cancelled {
            kept.push(item);
        }
    }
    List::made(kept)
}

fn open(list: &List) -> Result<i64, Fault> {
    let mut count = 0;
    for item in list.iter() {
        count += i64::from(!relative(&item)?.ended);
    }
    Ok(count)
}

fn relative(item: &Dynamic) -> Result<Arc<Relative>, Fault> {
    match item.read_lock::<Row>().map(|row| row.role().clone()) {
        Some(RowRole::Kin(relative)) => Ok(relative),
        Some(RowRole::Case | RowRole::Plain | RowRole::Table { .. }) | None => {
            Err(Fault::script(format!("only children have `{OPEN}` and `{LIVE}`")))
        }
    }
}
