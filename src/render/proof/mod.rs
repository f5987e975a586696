//! A file that proves itself: the receipt that a PDF carries, and whether its pages say what that receipt says.
//!
//! The file may be anybody's. Its pages are interpreted into what they paint, and compared item by item with our own rendering of the
//! receipt: outline, place, size and colour of every glyph, what it copies as, every path. Whatever the interpreter does not know makes
//! the file unreadable; nothing is passed over.
//!
//! *Invariant:* knows no roster and believes no receipt: whoever asks has verified it.

mod attachment;
mod canvas;
mod code;
mod compare;
mod content;
mod file;
mod font;
mod item;
mod lexer;
mod number;
mod spots;

pub use self::attachment::attachment;
pub use self::compare::{FaceSame, compare_face};
