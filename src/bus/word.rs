//! Registers of 8 to 64 bits, for each type that has `read` and `write`.

/// Adds `read_u32`, `write_u32` and their like to a type, on top of its `read` and `write`.
macro_rules! word_methods {
    () => {
        $crate::bus::word_methods!(read_u8, write_u8, u8, "an 8-bit");
        $crate::bus::word_methods!(read_u16, write_u16, u16, "a 16-bit");
        $crate::bus::word_methods!(read_u32, write_u32, u32, "a 32-bit");
        $crate::bus::word_methods!(read_u64, write_u64, u64, "a 64-bit");
    };
    ($read:ident, $write:ident, $word:ty, $what:literal) => {
        #[doc = concat!("Reads ", $what, " little-endian register at `address`, as `read` does.")]
        #[doc = "The registers of Rogue's firmware are little-endian; for a big-endian one use `read`"]
        #[doc = "and `from_be_bytes`."]
        pub fn $read(&self, address: u64) -> $crate::error::Result<$word> {
            let mut bytes = [0; std::mem::size_of::<$word>()];
            self.read(address, &mut bytes)?;
            Ok(<$word>::from_le_bytes(bytes))
        }

        #[doc = concat!("Writes `value` to the register that [`", stringify!($read), "`] reads, as")]
        #[doc = "`write` does: returns when the slave has carried out the write."]
        #[doc = ""]
        #[doc = concat!("[`", stringify!($read), "`]: Self::", stringify!($read))]
        pub fn $write(&self, address: u64, value: $word) -> $crate::error::Result<()> {
            self.write(address, &value.to_le_bytes())
        }
    };
}
pub(crate) use word_methods;
