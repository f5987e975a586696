//! What the targets share: the golden files that they hold verdicts against, and second opinions that know nothing of the program.

pub mod golden;
pub mod opinion;
