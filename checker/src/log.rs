//! The log: timed lines on stderr. stdout is the answer.

use std::fmt;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::prelude::*;

use crate::probe::clock::Watch;

struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        write!(line, "{}", Watch::start().at().strftime("%H:%M:%S"))
    }
}

/// Begins logging. Only our own words: what libraries log may carry headers, and headers carry secrets.
pub fn begin(verbose: bool) {
    let level = if verbose { Level::DEBUG } else { Level::INFO };
    let ours = Targets::new().with_target("vivarium_checker", level).with_target("vivarium_check", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_timer(Clock)
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(ours)).init();
}
