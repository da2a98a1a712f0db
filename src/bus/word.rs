//! Registers of 8 to 64 bits, for each type that has `read` and `write`.

/// Adds `read_u32`, `write_u32` and their like to a type, on top of its `read` and `write`.
macro_rules! word_methods {
    () => {
        $crate::bus::word_methods!(read_u8, write_u8, u8, "An 8-bit");
        $crate::bus::word_methods!(read_u16, write_u16, u16, "A 16-bit");
        $crate::bus::word_methods!(read_u32, write_u32, u32, "A 32-bit");
        $crate::bus::word_methods!(read_u64, write_u64, u64, "A 64-bit");
    };
    ($read:ident, $write:ident, $word:ty, $what:literal) => {
        #[doc = concat!($what, " register at `address`, which is little-endian, as the registers")]
        #[doc = "of Rogue's firmware are. One that is not needs `read` and `from_be_bytes`."]
        pub fn $read(&self, address: u64) -> $crate::error::Result<$word> {
            let mut bytes = [0; std::mem::size_of::<$word>()];
            self.read(address, &mut bytes)?;
            Ok(<$word>::from_le_bytes(bytes))
        }

        #[doc = concat!("Writes `value`, little-endian, as [`", stringify!($read), "`] reads it:")]
        #[doc = "returns when the slave has taken it."]
        #[doc = ""]
        #[doc = concat!("[`", stringify!($read), "`]: Self::", stringify!($read))]
        pub fn $write(&self, address: u64, value: $word) -> $crate::error::Result<()> {
            self.write(address, &value.to_le_bytes())
        }
    };
}
pub(crate) use word_methods;
