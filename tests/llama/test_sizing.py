"""What fits a machine, what a file says of itself, and which file is meant."""

import struct

import pytest

from ambrosio.llama import gguf
from ambrosio.llama.download import DownloadPart, choose_files
from ambrosio.llama.errors import ModelUnusable, format_bytes
from ambrosio.llama.gguf import ModelSize, parts, read_size
from ambrosio.llama.sizing import Resources, measure_resources, plan_params
from ambrosio.llama.supervisor import LlamaStatus, _diagnose_exit

from ..support.gguf_model import SMALL, make

GB = 1_000_000_000
# About Qwen3.5-4B in Q4_K_M, and Mixtral-8x7B in Q4_K_M.
SMALL_MODEL = ModelSize(2_710_000_000, 147_456, 262_144)
LARGE_MODEL = ModelSize(26_440_000_000, 131_072, 32_768)


class TestSizing:
    @pytest.mark.parametrize(
        ("shape", "machine", "context"),
        [
            (SMALL_MODEL, Resources(4, 7 * GB, 8 * GB), 8_192),
            (SMALL_MODEL, Resources(4, 5 * GB, 8 * GB), 8_192),
            (SMALL_MODEL, Resources(4, int(4.2 * GB), 8 * GB), 4_096),
            (SMALL_MODEL, Resources(2, int(3.7 * GB), 4 * GB), 2_048),
            (SMALL_MODEL, Resources(8, 30 * GB, 32 * GB), 32_768),
            (LARGE_MODEL, Resources(8, 30 * GB, 32 * GB), 8_192),
            (ModelSize(GB, 1_000, 1_024), Resources(2, 4 * GB, 4 * GB), 1_024),
        ],
    )
    def test_the_context_is_the_largest_that_leaves_room(self, shape, machine, context):
        assert plan_params(shape, machine).context == context

    @pytest.mark.parametrize(
        ("cores", "threads", "batch"), [(1, 1, 256), (2, 2, 256), (4, 4, 256), (8, 7, 512)]
    )
    def test_a_small_machine_reads_in_small_batches(self, cores, threads, batch):
        found = plan_params(SMALL_MODEL, Resources(cores, 8 * GB, 8 * GB))

        assert (found.threads, found.batch) == (threads, batch)

    def test_a_tiny_model_gets_one_thread(self):
        assert plan_params(ModelSize(1_000_000, 100, 8_192), Resources(8, GB, GB)).threads == 1

    @pytest.mark.parametrize(("weights", "steady"), [(1, False), (98, True), (400, False)])
    def test_the_smallest_models_of_language_are_kept_steady(self, weights, steady):
        size = ModelSize(weights * GB // 1000, 100, 8_192)

        assert plan_params(size, Resources(2, 8 * GB, 8 * GB)).steady is steady

    @pytest.mark.parametrize("free", [4, 5, 6, 8, 16, 64])
    def test_model_context_and_cache_never_want_more_than_is_free(self, free):
        found = plan_params(SMALL_MODEL, Resources(4, free * GB, free * GB))

        context = found.context * SMALL_MODEL.token_bytes
        assert SMALL_MODEL.weights_bytes + context + (found.cache_mib << 20) < free * GB
        assert found.cache_mib <= 2_048

    def test_only_a_model_that_fills_the_machine_goes_to_sleep(self):
        assert plan_params(SMALL_MODEL, Resources(4, 7 * GB, 8 * GB)).sleep_seconds > 0
        assert plan_params(SMALL_MODEL, Resources(8, 60 * GB, 64 * GB)).sleep_seconds == -1

    def test_what_cannot_fit_is_refused_with_the_sum(self):
        with pytest.raises(ModelUnusable) as raised:
            plan_params(LARGE_MODEL, Resources(4, 7 * GB, 8 * GB))

        assert raised.value.reason == (
            "the model needs 27.3 GB of memory: 26.4 GB for its weights, 268 MB for 2,048 tokens "
            "of context, 300 MB for buffers and 300 MB for everything else; 7.0 GB of 8.0 GB are "
            "free"
        )


class TestMachine:
    def folder(self, root, *, limit, used, inactive, cpu="max 100000"):
        group = root / "sys/fs/cgroup"
        group.mkdir(parents=True)
        (root / "proc").mkdir()
        (root / "proc/meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable: 7000000 kB\n")
        (group / "memory.max").write_text(limit)
        (group / "memory.current").write_text(used)
        (group / "memory.stat").write_text(f"anon 5\ninactive_file {inactive}\n")
        (group / "cpu.max").write_text(cpu)

    def test_a_container_counts_its_limit_and_not_the_files_it_has_read(self, tmp_path):
        self.folder(tmp_path, limit="2000000000", used="900000000", inactive=400_000_000)

        found = measure_resources(tmp_path)

        assert (found.free_bytes, found.total_bytes) == (1_500_000_000, 2_000_000_000)

    def test_a_container_without_a_limit_is_the_machine(self, tmp_path):
        self.folder(tmp_path, limit="max", used="900000000", inactive=0)

        assert measure_resources(tmp_path).free_bytes == 7_000_000 * 1024

    def test_half_a_core_is_one_thread(self, tmp_path):
        self.folder(tmp_path, limit="max", used="1", inactive=0, cpu="50000 100000")

        assert measure_resources(tmp_path).cores == 1

    def test_a_machine_without_proc_is_measured_all_the_same(self, tmp_path):
        assert measure_resources(tmp_path).total_bytes > 0


class TestHeader:
    def test_a_model_that_cannot_chat_is_refused(self, tmp_path):
        path = make(tmp_path / "base.gguf")
        path.write_bytes(path.read_bytes().replace(b"chat_template", b"chat_templatX"))

        with pytest.raises(ModelUnusable, match="is not a chat model") as raised:
            read_size(path)

        assert raised.value.permanent

    def test_it_says_what_a_token_costs(self, tmp_path):
        path = make(tmp_path / "model.gguf")
        shape = read_size(path)

        each_layer = 2 * SMALL.width * 2
        assert shape == ModelSize(path.stat().st_size, SMALL.layers * each_layer, 32_768)

    @pytest.mark.parametrize("length", [0, 3, 20, 500, 5_000, 50_000, 200_000])
    def test_a_file_cut_anywhere_is_found_out(self, tmp_path, length):
        path = make(tmp_path / "model.gguf")
        path.write_bytes(path.read_bytes()[:length])

        with pytest.raises(ModelUnusable, match="damaged or incomplete"):
            read_size(path)

    @pytest.mark.parametrize(
        "content",
        [
            b"<!doctype html>" * 100,
            b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60),
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**62),
            b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<I", 77),
            b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 8, 2**62),
        ],
    )
    def test_a_file_that_promises_nonsense_is_no_model(self, tmp_path, content):
        path = tmp_path / "model.gguf"
        path.write_bytes(content)

        with pytest.raises(ModelUnusable, match="damaged"):
            read_size(path)

    @pytest.mark.parametrize(
        "which",
        [
            {"a.attention.head_count_kv": [0, 0, 0, 2]},
            {"a.attention.head_count_kv": 2, "a.full_attention_interval": 4},
        ],
    )
    def test_not_every_layer_keeps_tokens_in_mind(self, which):
        fields: dict[str, gguf.Value] = {
            "general.architecture": "a",
            "a.block_count": 4,
            "a.attention.head_count": 4,
            "a.embedding_length": 256,
            **which,
        }

        assert gguf._model_size(fields, 1).token_bytes == 2 * (64 + 64) * 2

    def test_a_model_in_several_files_is_all_of_them(self, tmp_path):
        names = [path.name for path in parts(tmp_path / "big-00001-of-00003.gguf")]

        assert names == [f"big-0000{n}-of-00003.gguf" for n in (1, 2, 3)]


class TestChoosing:
    FILES = tuple(
        DownloadPart(name, 1, "")
        for name in (
            "README.md",
            "Qwen3.5-4B-BF16.gguf",
            "Qwen3.5-4B-Q4_K_M.gguf",
            "Qwen3.5-4B-Q4_K_S.gguf",
            "Qwen3.5-4B-Q8_0.gguf",
            "Qwen3.5-4B-UD-Q4_K_XL.gguf",
            "mmproj-F16.gguf",
            "big/m-Q6_K-00001-of-00002.gguf",
            "big/m-Q6_K-00002-of-00002.gguf",
        )
    )

    @pytest.mark.parametrize(
        ("quant", "names"),
        [
            ("", ["Qwen3.5-4B-Q4_K_M.gguf"]),
            ("q8_0", ["Qwen3.5-4B-Q8_0.gguf"]),
            ("UD-Q4_K_XL", ["Qwen3.5-4B-UD-Q4_K_XL.gguf"]),
            ("Q6_K", ["big/m-Q6_K-00001-of-00002.gguf", "big/m-Q6_K-00002-of-00002.gguf"]),
            ("Q4_K", []),
            ("F16", []),
            ("Q3_K_M", []),
        ],
    )
    def test_the_quantisation_is_found_in_the_name(self, quant, names):
        assert [part.name for part in choose_files(self.FILES, quant)] == names

    def test_without_the_usual_one_the_first_is_taken(self):
        files = [DownloadPart("a-Q8_0.gguf", 1, ""), DownloadPart("a-Q5_0.gguf", 1, "")]

        assert [part.name for part in choose_files(files, "")] == ["a-Q5_0.gguf"]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (300_000, "1 MB"),
        (310_000_000, "310 MB"),
        (999_900_000, "1.0 GB"),
        (2_710_000_000, "2.7 GB"),
    ],
)
def test_sizes_are_said_as_people_say_them(size, said):
    assert format_bytes(size) == said


@pytest.mark.parametrize(
    ("code", "log", "reason"),
    [
        (-9, "", "it was killed, most likely because memory ran out"),
        (-4, "", "llama.cpp needs a newer processor"),
        (-11, "", "llama.cpp exited on signal 11"),
        (1, "E llama: bad_alloc", "there was not enough memory"),
        (3, "error: unknown model architecture: 'x'", "does not support the model"),
        (3, "failed to load model", "llama.cpp cannot load the model file; it may be damaged"),
        (5, "", "llama.cpp exited with code 5"),
    ],
)
def test_a_child_that_died_without_a_word_is_looked_into(code, log, reason):
    assert reason in _diagnose_exit(code, log).reason


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (LlamaStatus("loading"), "loading its model"),
        (LlamaStatus("fetching"), "downloading its model"),
        (
            LlamaStatus("fetching", done=325_200_000, total=2_710_000_000),
            "downloading its model (12 % of 2.7 GB)",
        ),
    ],
)
def test_what_it_does_is_said_in_a_few_words(status, line):
    assert status.line == line
