//! The names under which an instance's agent reports, as far as they are read here. A test of the agent's holds them
//! against those that it writes.

/// The inventory type with a row per run.
pub const RUN_TYPE: &str = "Custom:VivariumRun";
/// The compliance type with an item per step.
pub const COMPLIANCE_TYPE: &str = "Custom:Vivarium";

/// Whether a row is that of the newest run.
pub const LATEST: &str = "latest";
/// The run.
pub const RUN: &str = "run_id";
/// What came of it: `ok`, `degraded` or `failed`.
pub const VERDICT: &str = "verdict";
/// Its exit code.
pub const EXIT_CODE: &str = "exit_code";
/// Who started it.
pub const CALLER: &str = "caller";
/// When it ended.
pub const ENDED: &str = "ended";
/// When it was reported.
pub const CHECKED_AT: &str = "checked_at";
/// The agent's version.
pub const AGENT_VERSION: &str = "agent_version";
/// The step that failed.
pub const FAILED_STEP: &str = "failed_step";
/// Why it failed.
pub const SUMMARY: &str = "summary";
/// What to do about it.
pub const HINT: &str = "hint";
/// How many reports were given up.
pub const GIVEN_UP: &str = "runs_given_up";

/// All attributes of [`RUN_TYPE`] that are read.
pub const ATTRIBUTES: [&str; 12] = [
    LATEST,
    RUN,
    VERDICT,
    EXIT_CODE,
    CALLER,
    ENDED,
    CHECKED_AT,
    AGENT_VERSION,
    FAILED_STEP,
    SUMMARY,
    HINT,
    GIVEN_UP,
];
