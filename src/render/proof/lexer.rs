//! Words of a page's content and of a character map: both are written in the same syntax (ISO 32000-1, 7.2, 7.8.2).

use super::number;

/// Arrays and dictionaries within one another that are read.
const DEPTH_MAX: usize = 16;

/// One word, or a whole array or dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A number, in millionths.
    Number(i64),
    /// A name without its slash.
    Name(Vec<u8>),
    /// A string.
    Text(Vec<u8>),
    /// An array.
    List(Vec<Token>),
    /// A dictionary.
    Dictionary(Vec<(Vec<u8>, Token)>),
    /// Anything else: an operator.
    Word(Vec<u8>),
}

/// Why content can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken(pub &'static str);

/// Reads words, one after the other.
pub(super) struct Lexer<'a> {
    rest: &'a [u8],
}

fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0C | b'\r' | b' ')
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

impl<'a> Lexer<'a> {
    /// Reads from the beginning.
    pub fn new(content: &'a [u8]) -> Self {
        Self { rest: content }
    }

    /// The next word; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Token>, Broken> {
        self.token(0)
    }

    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn takes(&mut self, expected: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.rest.first() {
            if *byte == b'%' {
                let end = self.rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(self.rest.len());
                self.rest = self.rest.get(end..).unwrap_or_default();
            } else if is_space(*byte) {
                self.take();
            } else {
                break;
            }
        }
    }

    fn token(&mut self, depth: usize) -> Result<Option<Token>, Broken> {
        self.skip_space();
        if depth > DEPTH_MAX {
            return Err(Broken("arrays and dictionaries stand too deep in one another"));
        }
        let Some(first) = self.rest.first() else { return Ok(None) };
        Ok(Some(match first {
            b'/' => {
                self.take();
                Token::Name(self.name()?)
            }
            b'(' => {
                self.take();
                Token::Text(self.literal()?)
            }
            b'[' => {
                self.take();
                Token::List(self.list(depth)?)
            }
            b'<' if self.takes(b"<<") => Token::Dictionary(self.dictionary(depth)?),
            b'<' => {
                self.take();
                Token::Text(self.hexadecimal()?)
            }
            b')' | b'>' | b']' | b'{' | b'}' => return Err(Broken("a bracket stands alone")),
            _ => {
                let word = self.word();
                number::parse(word).map_or_else(|| Token::Word(word.to_vec()), Token::Number)
            }
        }))
    }

    fn word(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| is_space(*byte) || is_delimiter(*byte)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = rest;
        word
    }

    fn name(&mut self) -> Result<Vec<u8>, Broken> {
        let mut written = self.word().iter();
        let mut name = Vec::new();
        while let Some(byte) = written.next() {
            if *byte != b'#' {
                name.push(*byte);
                continue;
            }
            let digits = written.next().copied().and_then(hex).zip(written.next().copied().and_then(hex));
            let (high, low) = digits.ok_or(Broken("a name is not written as names are"))?;
            name.push(high << 4 | low);
        }
        Ok(name)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Token>, Broken> {
        let mut list = Vec::new();
        loop {
            self.skip_space();
            if self.takes(b"]") {
                return Ok(list);
            }
            list.push(self.token(depth + 1)?.ok_or(Broken("an array does not end"))?);
        }
    }

    fn dictionary(&mut self, depth: usize) -> Result<Vec<(Vec<u8>, Token)>, Broken> {
        let mut members = Vec::new();
        loop {
            self.skip_space();
            if self.takes(b">>") {
                return Ok(members);
            }
            let Some(Token::Name(key)) = self.token(depth + 1)? else { return Err(Broken("a dictionary has no key")) };
            members.push((key, self.token(depth + 1)?.ok_or(Broken("a dictionary does not end"))?));
        }
    }

    fn hexadecimal(&mut self) -> Result<Vec<u8>, Broken> {
        let mut digits = Vec::new();
        loop {
            match self.take().ok_or(Broken("a string does not end"))? {
                b'>' => break,
                byte if is_space(byte) => {}
                byte => digits.push(hex(byte).ok_or(Broken("a string in hex has something else in it"))?),
            }
        }
        // A last digit alone counts as if 0 came behind it.
        let byte = |pair: &[u8]| match pair {
            [high, low] => high << 4 | low,
            [high] => high << 4,
            _ => 0,
        };
        Ok(digits.chunks(2).map(byte).collect())
    }

    fn literal(&mut self) -> Result<Vec<u8>, Broken> {
        let mut bytes = Vec::new();
        let mut open = 1usize;
        loop {
            let byte = self.take().ok_or(Broken("a string does not end"))?;
            match byte {
                b'(' => open += 1,
                b')' if open == 1 => return Ok(bytes),
                b')' => open -= 1,
                b'\\' => {
                    bytes.extend(self.escaped()?);
                    continue;
                }
                // An end of a line is one line feed, however it is written.
                b'\r' => {
                    self.takes(b"\n");
                    bytes.push(b'\n');
                    continue;
                }
                _ => {}
            }
            bytes.push(byte);
        }
    }

    fn escaped(&mut self) -> Result<Option<u8>, Broken> {
        let byte = self.take().ok_or(Broken("a string does not end"))?;
        Ok(match byte {
            b'n' => Some(b'\n'),
            b'r' => Some(b'\r'),
            b't' => Some(b'\t'),
            b'b' => Some(8),
            b'f' => Some(12),
            b'\n' => None,
            b'\r' => {
                self.takes(b"\n");
                None
            }
            b'0'..=b'7' => {
                let mut value = u16::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.rest.first() else { break };
                    value = value << 3 | u16::from(digit - b'0');
                    self.take();
                }
                Some(u8::try_from(value & 0xFF).unwrap_or_default())
            }
            other => Some(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(content: &[u8]) -> Result<Vec<Token>, Broken> {
        let mut lexer = Lexer::new(content);
        let mut tokens = Vec::new();
        while let Some(token) = lexer.next()? {
            tokens.push(token);
        }
        Ok(tokens)
    }

    #[test]
    fn every_kind_of_word_is_read() {
        let word = |text: &str| Token::Word(text.into());
        let text = |bytes: &[u8]| Token::Text(bytes.to_vec());
        assert_eq!(
            all(b"q%x\n/A#42 1 .5-[<4E2D 5>(a\\(\\101\\\r\n(b))<</K<0>>>]Tj").unwrap(),
            vec![
                word("q"),
                Token::Name(b"AB".to_vec()),
                Token::Number(1_000_000),
                word(".5-"),
                Token::List(vec![
                    text(&[0x4E, 0x2D, 0x50]),
                    text(b"a(A(b)"),
                    Token::Dictionary(vec![(b"K".to_vec(), text(&[0]))]),
                ]),
                word("Tj"),
            ]
        );
    }

    #[test]
    fn what_does_not_end_is_refused() {
        for bad in [&b"("[..], b"<", b"<4g>", b"[", b"<</A", b"<<1 2>>", b"]", b">", b"{", b"/#4"] {
            assert!(all(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        assert!(all(&[b'['; 40]).is_err());
    }
}
