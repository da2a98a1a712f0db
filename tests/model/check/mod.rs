//! Runs a claim in the orders in which its threads can take their steps.

/// Checks `claim` in all orders in which at most `preemptions` times a thread is stopped that could
/// go on (in all there are, if `None`). `LOOM_MAX_PREEMPTIONS` sets another bound for all claims.
pub fn check(preemptions: Option<usize>, claim: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    builder.max_branches = 10_000;
    builder.check(claim);
}
