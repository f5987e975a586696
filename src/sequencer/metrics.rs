//! What the sequencer counts, for Prometheus.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::base::{Code, Fault};

/// Counters of the sequencer.
pub struct SequencerMetrics {
    /// Seconds per batch, execution to commit.
    pub batch_seconds: Histogram,
    /// Commands per batch.
    pub batch_commands: Histogram,
    /// Commands by outcome: sealed, replayed, refused (the caller's fault), failed (ours).
    pub commands: IntCounterVec,
    /// Blocks sealed since start.
    pub blocks: IntCounter,
    /// Height of the chain.
    pub height: IntGauge,
    /// Entries of the chain.
    pub entries: IntGauge,
}

impl std::fmt::Debug for SequencerMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SequencerMetrics").finish_non_exhaustive()
    }
}

impl SequencerMetrics {
    /// Makes the counters and registers them.
    ///
    /// # Errors
    /// [`Code::Internal`] when a name is taken.
    pub fn register(registry: &Registry) -> Result<Self, Fault> {
        let broken = |e: prometheus::Error| Fault::new(Code::Internal, "", format!("metrics: {e}"));
        let seconds = HistogramOpts::new("piaolian_batch_seconds", "Seconds per batch, execution to commit")
            .buckets(vec![0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0]);
        let commands = HistogramOpts::new("piaolian_batch_commands", "Commands per batch")
            .buckets(vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]);
        let outcomes = Opts::new("piaolian_commands_total", "Commands by outcome");
        let metrics = Self {
            batch_seconds: Histogram::with_opts(seconds).map_err(broken)?,
            batch_commands: Histogram::with_opts(commands).map_err(broken)?,
            commands: IntCounterVec::new(outcomes, &["outcome"]).map_err(broken)?,
            blocks: IntCounter::new("piaolian_blocks_total", "Blocks sealed since start").map_err(broken)?,
            height: IntGauge::new("piaolian_height", "Height of the chain").map_err(broken)?,
            entries: IntGauge::new("piaolian_entries", "Entries of the chain").map_err(broken)?,
        };
        let all: [Box<dyn prometheus::core::Collector>; 6] = [
            Box::new(metrics.batch_seconds.clone()),
            Box::new(metrics.batch_commands.clone()),
            Box::new(metrics.commands.clone()),
            Box::new(metrics.blocks.clone()),
            Box::new(metrics.height.clone()),
            Box::new(metrics.entries.clone()),
        ];
        for collector in all {
            registry.register(collector).map_err(broken)?;
        }
        Ok(metrics)
    }
}
