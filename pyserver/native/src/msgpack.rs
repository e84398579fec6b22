//! MessagePack as far as rows need it: reading what msgspec wrote without building anything, and writing a row's columns.
//! <https://github.com/msgpack/msgpack/blob/master/spec.md>

/// One column's value, still lying in the message.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// A signed integer.
    Int(i64),
    /// A string.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// The message is not what was agreed on: a broken invariant, as both ends are of one build.
#[derive(Clone, Copy, Debug)]
pub struct Malformed;

type Read<T> = Result<T, Malformed>;

/// Reads one message from its start to its end.
pub struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `message`.
    pub fn new(message: &'a [u8]) -> Self {
        Self { left: message }
    }

    /// The head of an array: how many values follow.
    pub fn array(&mut self) -> Read<usize> {
        match self.byte()? {
            tag @ 0x90..=0x9f => Ok(usize::from(tag & 0x0f)),
            0xdc => self.length(2),
            0xdd => self.length(4),
            _ => Err(Malformed),
        }
    }

    /// The head of an array that must have `size` values.
    pub fn array_of(&mut self, size: usize) -> Read<()> {
        if self.array()? == size {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    /// An array whose values are read one by one.
    pub fn list<T, E: From<Malformed>>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T, E>) -> Result<Vec<T>, E> {
        let size = self.array()?;
        // Each value has a byte at least, so a wrong size asks for no more memory than the message has.
        let mut values = Vec::with_capacity(size.min(self.left.len()));
        for _ in 0..size {
            values.push(one(self)?);
        }
        Ok(values)
    }

    /// An array of columns.
    pub fn cells(&mut self) -> Read<Vec<Cell<'a>>> {
        self.list(Self::cell)
    }

    /// An integer, a string or bytes.
    pub fn cell(&mut self) -> Read<Cell<'a>> {
        match self.byte()? {
            tag @ 0x00..=0x7f => Ok(Cell::Int(i64::from(tag))),
            tag @ 0xe0..=0xff => Ok(Cell::Int(i64::from(tag) - 0x100)),
            tag @ 0xcc..=0xcf => self.unsigned(1 << (tag - 0xcc)),
            tag @ 0xd0..=0xd3 => self.signed(1 << (tag - 0xd0)),
            tag @ 0xa0..=0xbf => self.text(usize::from(tag & 0x1f)),
            tag @ 0xd9..=0xdb => {
                let length = self.length(1 << (tag - 0xd9))?;
                self.text(length)
            }
            tag @ 0xc4..=0xc6 => {
                let length = self.length(1 << (tag - 0xc4))?;
                Ok(Cell::Bytes(self.take(length)?))
            }
            _ => Err(Malformed),
        }
    }

    /// An integer.
    pub fn int(&mut self) -> Read<i64> {
        match self.cell()? {
            Cell::Int(value) => Ok(value),
            _ => Err(Malformed),
        }
    }

    /// Any value as it lies in the message, whatever is in it.
    pub fn raw(&mut self) -> Read<&'a [u8]> {
        let start = self.left;
        let mut values = 1_usize;
        while values > 0 {
            values = values - 1 + self.skip_head()?;
        }
        Ok(&start[..start.len() - self.left.len()])
    }

    /// The end of the message.
    pub fn end(&self) -> Read<()> {
        if self.left.is_empty() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    /// Passes one value, or the head of one that holds others: how many it holds.
    fn skip_head(&mut self) -> Read<usize> {
        let mut held = 0;
        let length = match self.byte()? {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => 0,
            tag @ 0x80..=0x8f => {
                held = 2 * usize::from(tag & 0x0f);
                0
            }
            tag @ 0x90..=0x9f => {
                held = usize::from(tag & 0x0f);
                0
            }
            tag @ 0xa0..=0xbf => usize::from(tag & 0x1f),
            tag @ 0xc4..=0xc6 => self.length(1 << (tag - 0xc4))?,
            0xca => 4,
            0xcb => 8,
            tag @ 0xcc..=0xcf => 1 << (tag - 0xcc),
            tag @ 0xd0..=0xd3 => 1 << (tag - 0xd0),
            tag @ 0xd9..=0xdb => self.length(1 << (tag - 0xd9))?,
            tag @ 0xdc..=0xdd => {
                held = self.length(2 << (tag - 0xdc))?;
                0
            }
            tag @ 0xde..=0xdf => {
                held = 2 * self.length(2 << (tag - 0xde))?;
                0
            }
            _ => return Err(Malformed),
        };
        self.take(length)?;
        Ok(held)
    }

    fn byte(&mut self) -> Read<u8> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(length).ok_or(Malformed)?;
        self.left = left;
        Ok(taken)
    }

    /// A big-endian number of `size` bytes.
    fn number(&mut self, size: usize) -> Read<u64> {
        Ok(self.take(size)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn length(&mut self, size: usize) -> Read<usize> {
        usize::try_from(self.number(size)?).map_err(|_| Malformed)
    }

    fn unsigned(&mut self, size: usize) -> Read<Cell<'a>> {
        i64::try_from(self.number(size)?).map(Cell::Int).map_err(|_| Malformed)
    }

    fn signed(&mut self, size: usize) -> Read<Cell<'a>> {
        let unused = 64 - 8 * u32::try_from(size).map_err(|_| Malformed)?;
        let bits = self.number(size)? << unused;
        Ok(Cell::Int(i64::from_ne_bytes(bits.to_ne_bytes()) >> unused))
    }

    fn text(&mut self, length: usize) -> Read<Cell<'a>> {
        std::str::from_utf8(self.take(length)?).map(Cell::Text).map_err(|_| Malformed)
    }
}

/// Appends the head of an array of fewer than 16 values.
pub fn write_array(message: &mut Vec<u8>, size: usize) {
    assert!(size < 16, "a row has fewer columns than that");
    message.push(0x90 | size.to_le_bytes()[0]);
}

/// Appends an integer: one byte if it is small, nine if not.
pub fn write_int(message: &mut Vec<u8>, value: i64) {
    match u8::try_from(value) {
        Ok(small) if small < 0x80 => message.push(small),
        _ => {
            message.push(0xd3);
            message.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// Appends bytes.
pub fn write_bytes(message: &mut Vec<u8>, value: &[u8]) {
    let length = u32::try_from(value.len()).expect("a column is shorter than 4 GiB");
    message.push(0xc6);
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(value);
}
