use super::*;
use proptest::prelude::*;

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

#[test]
fn a_bomb_is_stopped_at_the_cap() {
    let zeros = vec![0_u8; 16 << 20];
    for codec in CODECS {
        let bomb = compress(codec, None, &zeros).unwrap();
        assert_eq!(decompress(codec, &bomb, zeros.len()).unwrap(), zeros);
        assert!(matches!(
            decompress(codec, &bomb, zeros.len() - 1),
            Err(CompressionError::TooLarge { cap_bytes }) if cap_bytes == zeros.len() - 1
        ));
    }
}

#[test]
fn levels_trade_time_for_size() {
    let text: Vec<u8> = (0..40_000_u32)
        .flat_map(|n| format!("record {} of many, ", n * 7919 % 1_000).into_bytes())
        .collect();
    let levels = [
        (Compression::Gzip, 1, 9),
        (Compression::Lz4, 9, 12),
        (Compression::Zstd, -5, 19),
    ];
    for (codec, fast, small) in levels {
        let fast = compress(codec, Some(fast), &text).unwrap();
        let small = compress(codec, Some(small), &text).unwrap();
        assert!(small.len() < fast.len(), "{codec:?}");
        assert_eq!(decompress(codec, &fast, text.len()).unwrap(), text);
        assert_eq!(decompress(codec, &small, text.len()).unwrap(), text);
    }
}

#[test]
fn snappy_is_read_raw_framed_and_concatenated() {
    let raw = snap::raw::Encoder::new()
        .compress_vec(b"raw block")
        .unwrap();
    assert_eq!(
        decompress(Compression::Snappy, &raw, 100).unwrap(),
        b"raw block"
    );

    let framed = compress(Compression::Snappy, None, b"framed").unwrap();
    assert_eq!(&framed[..16], b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
    let twice = [framed.as_slice(), framed.as_slice()].concat();
    assert_eq!(
        decompress(Compression::Snappy, &twice, 100).unwrap(),
        b"framedframed"
    );
}

#[test]
fn a_snappy_block_that_claims_too_much_reserves_nothing() {
    // A varint of 4 GiB - 1 and nothing behind it.
    let claim = [0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(matches!(
        decompress(Compression::Snappy, &claim, usize::MAX),
        Err(CompressionError::Undecodable { .. })
    ));
}

#[test]
fn lz4_frames_are_those_that_java_reads() {
    let frame = compress(Compression::Lz4, None, &[7; 200_000]).unwrap();
    // What Kafka's own clients write.
    assert_eq!(&frame[..7], [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);

    let mut linked = frame;
    linked[4] = 0x40;
    assert!(decompress(Compression::Lz4, &linked, 1 << 20).is_err());
}

proptest! {
    #[test]
    fn every_codec_round_trips(bytes: Vec<u8>, repeat in 1_usize..400) {
        let input = bytes.repeat(repeat);
        for codec in CODECS {
            let compressed = compress(codec, None, &input).unwrap();
            prop_assert_eq!(&decompress(codec, &compressed, input.len()).unwrap(), &input);
        }
    }

    #[test]
    fn damaged_input_is_an_error_or_bounded(
        bytes in prop::collection::vec(any::<u8>(), 1..300),
        at: prop::sample::Index,
        flip in 1_u8..,
        len: prop::sample::Index,
    ) {
        for codec in CODECS {
            let mut damaged = compress(codec, None, &bytes.repeat(20)).unwrap();
            let at = at.index(damaged.len());
            damaged[at] ^= flip;
            if let Ok(out) = decompress(codec, &damaged, 10_000) {
                prop_assert!(out.len() <= 10_000);
            }
            let _ = decompress(codec, &damaged[..len.index(damaged.len())], 10_000);
            let _ = decompress(codec, &bytes, 10_000);
        }
    }
}
