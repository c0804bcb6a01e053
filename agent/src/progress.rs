//! Progress for a person: a bar on a terminal, a line every ten seconds anywhere else.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{BinaryBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;
use vivarium_bootstrap::host::progress::Progress;

const EVERY: Duration = Duration::from_secs(10);

/// The progress that fits where stderr goes.
pub fn for_stderr() -> Box<dyn Progress> {
    if std::io::stderr().is_terminal() { Box::new(Bar::default()) } else { Box::new(Lines::default()) }
}

#[derive(Default)]
struct Bar(RefCell<Option<ProgressBar>>);

impl Progress for Bar {
    fn begin(&self, what: &str, total: Option<u64>) {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = match total {
            Some(_) => "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}",
            None => "{spinner} {msg} {binary_bytes} {elapsed}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is ours"));
        bar.set_message(what.to_owned());
        self.0.replace(Some(bar));
    }

    fn reached(&self, done: u64) {
        if let Some(bar) = self.0.borrow().as_ref() {
            bar.set_position(done);
        }
    }

    fn end(&self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

#[derive(Default)]
struct Lines(RefCell<Option<Line>>);

struct Line {
    what: String,
    total: Option<u64>,
    said: Instant,
}

impl Progress for Lines {
    fn begin(&self, what: &str, total: Option<u64>) {
        self.0.replace(Some(Line { what: what.to_owned(), total, said: Instant::now() }));
    }

    fn reached(&self, done: u64) {
        if let Some(line) = self.0.borrow_mut().as_mut().filter(|line| line.said.elapsed() >= EVERY) {
            line.said = Instant::now();
            tracing::info!("{}", far(&line.what, done, line.total));
        }
    }

    fn end(&self) {
        self.0.take();
    }
}

/// What an installation comes to is an estimate: past it there is no share to be told.
fn far(what: &str, done: u64, total: Option<u64>) -> String {
    match total.filter(|total| *total > 0 && done <= *total) {
        Some(total) => {
            let percent = done.saturating_mul(100) / total;
            format!("{what}: {} of {} ({percent} %)", BinaryBytes(done), BinaryBytes(total))
        }
        None => format!("{what}: {}", BinaryBytes(done)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_of_how_much_where_that_is_known() {
        assert_eq!(far("fetching x", 1 << 20, Some(4 << 20)), "fetching x: 1.00 MiB of 4.00 MiB (25 %)");
        assert_eq!(far("fetching x", 1 << 20, None), "fetching x: 1.00 MiB");
    }

    #[test]
    fn never_more_than_all_of_it_is_said_to_be_there() {
        assert_eq!(far("installing x", 4 << 20, Some(4 << 20)), "installing x: 4.00 MiB of 4.00 MiB (100 %)");
        assert_eq!(far("installing x", 5 << 20, Some(4 << 20)), "installing x: 5.00 MiB");
    }
}
