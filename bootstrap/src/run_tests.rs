use std::cell::Cell;
use std::rc::Rc;

use async_trait::async_trait;

use super::*;
use crate::host::block;
use crate::host::http::Http;
use crate::host::processes::System;
use crate::host::progress::Silent;
use crate::journal::Journal;

/// A step over one cell: done when the cell holds what it wants.
struct Fill {
    name: &'static str,
    cell: Rc<Cell<u32>>,
    writes: u32,
    allowed: bool,
}

const WANTED: u32 = 7;

#[async_trait(?Send)]
impl Step for Fill {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn preflight(&self, _host: &Host) -> Result<(), StepError> {
        if self.allowed {
            return Ok(());
        }
        Err(StepError::new(Failure::Precondition, "accepting the terms").because("nobody did").hint("do"))
    }

    async fn inspect(&self, _host: &Host) -> Result<State, StepError> {
        match self.cell.get() {
            WANTED => Ok(State::done("the cell holds 7")),
            other => Ok(State::todo(format!("replace {other} by 7"))),
        }
    }

    async fn apply(&self, _host: &Host) -> Result<(), StepError> {
        self.cell.set(self.writes);
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(())
    }
}

struct Bench {
    folder: tempfile::TempDir,
    cells: [Rc<Cell<u32>>; 2],
    steps: Vec<Box<dyn Step>>,
}

impl Bench {
    /// Two steps; `change` makes one of them different from a step that works.
    fn new(change: impl Fn(usize, &mut Fill)) -> Self {
        let cells = [Rc::new(Cell::new(0)), Rc::new(Cell::new(0))];
        let steps = ["first", "second"].into_iter().enumerate().map(|(index, name)| {
            let mut step = Fill { name, cell: cells[index].clone(), writes: WANTED, allowed: true };
            change(index, &mut step);
            Box::new(step) as Box<dyn Step>
        });
        Self { folder: tempfile::tempdir().expect("a folder"), steps: steps.collect(), cells }
    }

    fn host(&self) -> Host {
        let journal = Journal::at(self.folder.path().join("journal"));
        let nvme = Box::new(block::System);
        Host::new("/", Box::new(System), Http::direct(), nvme, Box::new(Silent), journal)
    }

    async fn run(&self, stopped: Stopped<'_>) -> (Vec<Outcome>, Ran) {
        let path = self.folder.path().join("lock");
        let mut lock = RunLock::acquire(&path, "r", Duration::ZERO).await.expect("it is free");
        let ran = run("r", &self.steps, &self.host(), &mut lock, stopped).await;
        (ran.steps.iter().map(|step| step.outcome).collect(), ran)
    }
}

fn never<'a>() -> Stopped<'a> {
    Box::pin(std::future::pending())
}

#[tokio::test(start_paused = true)]
async fn the_second_run_changes_nothing() {
    let bench = Bench::new(|_, _| {});
    assert_eq!(bench.run(never()).await.0, [Outcome::Changed, Outcome::Changed]);
    assert_eq!(bench.run(never()).await.0, [Outcome::Unchanged, Outcome::Unchanged]);
}

#[tokio::test(start_paused = true)]
async fn one_refusal_before_the_start_and_nothing_is_touched() {
    let bench = Bench::new(|index, step| step.allowed = index != 1);
    let (outcomes, ran) = bench.run(never()).await;
    assert_eq!(outcomes, [Outcome::NotReached, Outcome::Failed]);
    assert_eq!(ran.steps[1].summary, "accepting the terms: nobody did");
    assert_eq!((bench.cells[0].get(), ran.failure), (0, Some(Failure::Precondition)));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_does_not_see_its_own_work_fails_and_the_next_is_not_reached() {
    let bench = Bench::new(|index, step| step.writes = if index == 0 { 3 } else { WANTED });
    let (outcomes, ran) = bench.run(never()).await;
    assert_eq!(outcomes, [Outcome::Failed, Outcome::NotReached]);
    assert!(ran.steps[0].summary.ends_with("still to do: replace 3 by 7"), "{}", ran.steps[0].summary);
}

#[tokio::test(start_paused = true)]
async fn a_run_over_its_budget_says_so_and_the_next_goes_on_from_there() {
    let bench = Bench::new(|_, _| {});
    let budget = Duration::from_secs(7);
    let stopped = Box::pin(async move {
        tokio::time::sleep(budget).await;
        Stop::Budget(budget)
    });
    let (outcomes, ran) = bench.run(stopped).await;
    assert_eq!(outcomes, [Outcome::Changed, Outcome::Failed]);
    assert_eq!(ran.failure, Some(Failure::Budget));
    assert_eq!(bench.run(never()).await.0, [Outcome::Unchanged, Outcome::Unchanged]);
}

#[tokio::test]
async fn a_plan_has_one_hash_until_a_fact_changes() {
    let bench = Bench::new(|_, _| {});
    let host = bench.host();
    let before = plan_hash(&plan(&bench.steps, &host).await);
    assert_eq!(before, plan_hash(&plan(&bench.steps, &host).await));
    bench.cells[1].set(1);
    assert_ne!(before, plan_hash(&plan(&bench.steps, &host).await));
}
