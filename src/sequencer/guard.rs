//! What must hold before a block is made: the clock can be believed, and the database is the one that was written last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::candidate::Tip;
use super::memory::{Behind, End, Memory, may_pass};
use super::timekeeper::{Reading, Timekeeper};
use crate::base::{Clock, Code, Fault, Faults, UnixMs};
use crate::chain::header::Header;
use crate::ledger::Command;
use crate::store::{Reader, StoreError};

/// Timekeeper and memory of one process: the sequencer's thread asks it before each block, health checks look on.
pub struct Guard {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    timekeeper: Timekeeper,
    memory: Memory,
    /// Set whenever the tip is read.
    behind: Option<Behind>,
    /// Why the last batch was held back: said in the log when it changes.
    holding: Option<Code>,
}

impl Guard {
    /// A guard of a process that starts now. `clock_gap_max_days`: how old it may find the newest block.
    pub fn new(clock: Arc<dyn Clock>, clock_gap_max_days: u32, memory: Memory) -> Self {
        let timekeeper = Timekeeper::new(Reading::of(clock.as_ref()), clock_gap_max_days);
        Self { clock, state: Mutex::new(State { timekeeper, memory, behind: None, holding: None }) }
    }

    /// What it knows is whole after every statement: whoever panicked with it left nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Both clocks now.
    pub(super) fn reading(&self) -> Reading {
        Reading::of(self.clock.as_ref())
    }

    /// Holds a tip that was just read against the memory, as another process has left it: what is found out decides
    /// [`Guard::permit`].
    pub(super) fn recall(&self, reader: &mut Reader<'_>, tip: &Tip) -> Result<(), Faults> {
        let mut state = self.state();
        state.memory.reread()?;
        let there = reader.block(state.memory.last().height)?.map(|block| block.hash);
        let end = End::from(tip);
        state.behind = state.memory.check(end, there).err();
        if state.behind.is_none() && end != state.memory.last() {
            // Others led meanwhile, or this process died between a commit and its memory.
            state.memory.remember(end);
        }
        Ok(())
    }

    /// Whether these commands may be sealed now on top of a block, and the time of the block that holds them.
    ///
    /// # Errors
    /// [`Code::SeqRestored`]; [`Code::SeqMemory`]; [`Code::SeqClockBehind`]; [`Code::SeqClockAhead`].
    pub(super) fn permit<'a>(
        &self,
        now: Reading,
        tip: &Header,
        mut commands: impl Iterator<Item = &'a Command>,
    ) -> Result<UnixMs, Fault> {
        let mut state = self.state();
        let asked = match state.behind {
            Some(behind) if !commands.all(may_pass) => Err(behind.fault()),
            Some(_) | None => state.memory.settle().and_then(|()| state.timekeeper.take(now, tip.time)),
        };
        let holding = asked.as_ref().err().map(|fault| fault.code);
        if holding != state.holding {
            match &asked {
                Ok(_) => tracing::info!("commands are taken again"),
                Err(fault) => tracing::error!(%fault, "commands are refused"),
            }
            state.holding = holding;
        }
        asked
    }

    /// A block is durable. Called before anybody is answered.
    pub(super) fn committed(&self, tip: &Tip) {
        let mut state = self.state();
        match state.behind.take() {
            None => state.memory.remember(tip.into()),
            Some(_) => state.memory.accept(tip.into()),
        }
    }

    /// The sequencer has finished.
    pub(super) fn finished(&self) {
        self.state().memory.sync();
    }

    /// How far the database is behind the memory, if it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn behind(&self, reader: &mut Reader<'_>) -> Result<Option<Behind>, StoreError> {
        // Before the database is asked: what is remembered then is durable already.
        let remembered = self.state().memory.last();
        let there = reader.block(remembered.height)?;
        if there.as_ref().is_some_and(|block| block.hash == remembered.hash) {
            return Ok(None);
        }
        let tip = reader.checkpoint()?;
        Ok(tip.map(|block| Behind { remembered, tip: End::from(&block) }))
    }

    /// Why commands would be refused now, if they would be, whatever they are.
    ///
    /// # Errors
    /// When the newest block can't be read.
    pub fn trouble(&self, reader: &mut Reader<'_>) -> Result<Option<Fault>, Faults> {
        if let Some(behind) = self.behind(reader)? {
            return Ok(Some(behind.fault()));
        }
        let Some(block) = reader.checkpoint()? else { return Ok(None) };
        let tip = Header::from_text(&block.header)?;
        let mut state = self.state();
        let asked = state.memory.settle().and_then(|()| state.timekeeper.check(self.reading(), tip.time));
        Ok(asked.err())
    }
}
