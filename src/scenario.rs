//! Scenarios: the tests that a process owner writes, played on a whole product in memory whose clock they move.
//!
//! Nothing is stood in for: a scenario has a runtime, a store and definitions of its own, so that what passes here
//! is what a server does. It never waits, and it never looks at the machine's clock.

mod bed;
mod coverage;
mod expect;
mod play;
mod report;
mod rule;
mod way;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Watch;
use crate::model::{Name, Place};
use crate::workflow::suite::{RuleSuite, RuleTest, Scenario, Suite};
use crate::workflow::{Definition, Files};

pub use coverage::{Coverage, WorkflowCoverage};
pub use report::{Failure, Kind, Report, Tested, Why};

use coverage::Touched;

/// Which tests are run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only those whose name or file contains this.
    pub filter: Option<String>,
    /// Only those of these files, by their path in the set; all where there is none.
    pub files: Vec<Name>,
}

/// Runs the tests of a set, several at a time; the report has them in the order in which they stand in the files.
#[must_use]
pub fn run(definition: &Arc<Definition>, files: &Files, selection: &Selection) -> Report {
    let watch = Watch::start();
    let tests = selected(definition, selection);
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, NonZeroUsize::get).min(tests.len().max(1));
    let work = || {
        while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let played = test.run(definition, files);
            done.lock().unwrap_or_else(PoisonError::into_inner).push(played);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by(|one: &(Tested, Touched), other| one.0.place.cmp(&other.0.place));
    let mut touched = Touched::default();
    let mut tested = Vec::new();
    for (test, touches) in done {
        touched.add(touches);
        tested.push(test);
    }
    Report { coverage: coverage::coverage(definition, &touched), tested, milliseconds: milliseconds(watch) }
}

/// One test.
#[derive(Clone, Copy)]
enum Test<'d> {
    Scenario(&'d Suite, &'d Scenario),
    Rule(&'d RuleSuite, &'d RuleTest),
}

fn selected<'d>(definition: &'d Definition, selection: &Selection) -> Vec<Test<'d>> {
    let tests = &definition.tests;
    let scenarios = tests.scenarios.iter().flat_map(|suite| {
        let test = move |scenario| Test::Scenario(suite, scenario);
        suite.scenarios.iter().map(test)
    });
    let rules = tests.rules.iter().flat_map(|suite| suite.tests.iter().map(move |test| Test::Rule(suite, test)));
    rules.chain(scenarios).filter(|test| test.is_selected(selection)).collect()
}

impl Test<'_> {
    fn name(&self) -> (&Name, &Place) {
        match self {
            Self::Scenario(_, scenario) => (&scenario.name, &scenario.place),
            Self::Rule(_, test) => (&test.name, &test.place),
        }
    }

    fn is_selected(&self, selection: &Selection) -> bool {
        let (name, place) = self.name();
        let filter = selection.filter.as_deref();
        let named = filter.is_none_or(|filter| name.contains(filter) || place.file.contains(filter));
        named && (selection.files.is_empty() || selection.files.contains(&place.file))
    }

    fn run(&self, definition: &Arc<Definition>, files: &Files) -> (Tested, Touched) {
        let watch = Watch::start();
        let (name, place) = self.name();
        let (kind, covers) = match self {
            Self::Scenario(_, scenario) => (Kind::Scenario, &scenario.covers),
            Self::Rule(_, test) => (Kind::Rule, &test.covers),
        };
        let mut touched = Touched::default();
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let failures = match tokio {
            Ok(tokio) => tokio.block_on(async {
                match self {
                    Self::Scenario(suite, scenario) => {
                        play::play(definition, files, suite, scenario, &mut touched).await
                    }
                    Self::Rule(suite, test) => rule::test(definition, files, suite, test).await,
                }
            }),
            Err(error) => vec![Failure::of_the_machine(place, &error.to_string())],
        };
        let (name, place, covers) = (Name::clone(name), place.clone(), covers.clone());
        (Tested { kind, name, place, covers, failures, milliseconds: milliseconds(watch) }, touched)
    }
}

fn milliseconds(watch: Watch) -> u64 {
    u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX)
}
