"""E05xx to E09xx and ICE: faults that no program text can show."""

from netc.compiler.explanations.code import Code

DATA = (
    Code(
        "E0501",
        "data not found",
        "There is no such file or folder. Paths count from where the command runs, then from the "
        "folder of the `.net` file. netc downloads nothing: put the files there.",
    ),
    Code(
        "E0502",
        "data file cannot be read",
        "The file is cut off, damaged, of another kind, too large for the memory, or reading it "
        "is not permitted. The message says which.",
    ),
    Code(
        "E0503",
        "columns missing",
        "The first line of a CSV file names its columns, and the program takes one that is not "
        "there.",
    ),
    Code(
        "E0504",
        "not a table",
        "A CSV file has the same number of cells on each line, and at least one line below its "
        "first.",
    ),
    Code(
        "E0505",
        "cell that is not a number",
        "The cells of a column are numbers, or all of them are names of classes.",
    ),
    Code(
        "E0506",
        "arrays that do not belong together",
        "The arrays of a data set have one axis of samples, equally long in all of them, and at "
        "least one sample.",
    ),
    Code(
        "E0507",
        "values that netc does not have",
        "Data are bools, whole numbers that fit i32, or numbers that fit f32.",
    ),
    Code(
        "E0508",
        "too little data",
        "After what is kept for validation, each part still needs one sample; a text needs one "
        "window more than a character.",
    ),
    Code(
        "E0509",
        "not the data set of this name",
        "The checksum of a well-known data set's file is not right: the copy is damaged, or it "
        "is another file.",
    ),
    Code(
        "E0510",
        "data source used wrongly",
        "No source has this name, or its arguments are not what it takes. `netc explain NAME` "
        "shows its parameters.",
    ),
    Code(
        "E0511",
        "data of another shape or type",
        "The data do not have a field, a shape or a range of values that the `take` statement "
        "declares.",
    ),
    Code(
        "E0512",
        "data set not here",
        "A named data set is looked for beside the program, in the current folder and in the "
        "cache; else it is downloaded into the cache, its sha256 checked. Without a network, put "
        "its files where the message says. With NETC_OFFLINE set nothing is downloaded.",
    ),
    Code(
        "E0520",
        "unknown or missing name",
        "A session knows the fields, the nets and the weights of its program by their names; "
        "`program.functions` lists them. Every field needs an array, and no other name is taken.",
    ),
    Code(
        "E0521",
        "array that does not fit",
        "A field takes [N, ...] in the dtype that the program declares, with the same N in every "
        "field; a training step takes exactly the program's batch. Whole numbers are converted "
        "only where they stay the same.",
    ),
    Code(
        "E0522",
        "nothing to train",
        "The file has no `train` block: its nets can run, but there is no loss, no step and no "
        "evaluation.",
    ),
    Code(
        "E0523",
        "no data",
        "`take ... from feed` leaves the data to the caller: `netc train --data points.npz`, or "
        "arrays in Python.",
    ),
    Code(
        "E0524",
        "steps that cannot be planned",
        "An epoch is made of whole batches, so the data needs one batch at least; and a run has "
        "at most 2^31 - 1 steps.",
    ),
    Code(
        "E0525",
        "size that the program fixes",
        "A net and its evaluation take inputs of any length that the program leaves open. What has "
        "a weight for each place of a sequence, or names a length, does not: compile the program "
        "for the other length and train it so.",
    ),
    Code(
        "E0530",
        "net that cannot write",
        "`netc run --sample` needs a net that takes tokens `i32[N, T]`, the bytes of a text, and "
        "returns logits `[N, T, V]` for the byte behind each, without looking ahead.",
    ),
)

RUNS = (
    Code("E0601", "no checkpoint", "There is no checkpoint here: nothing was saved yet."),
    Code(
        "E0602",
        "checkpoint damaged",
        "The file is not what netc wrote. The older checkpoint of the same run still works.",
    ),
    Code("E0603", "checkpoint changed", "The checkpoint's checksum does not match its content."),
    Code(
        "E0604",
        "not a checkpoint of netc",
        "The file is a folder, a device, or a safetensors file without netc's facts.",
    ),
    Code("E0605", "checkpoint cannot be read", "Permission or memory is missing."),
    Code("E0606", "tensor cannot be stored", "A checkpoint holds bools and plain numbers."),
    Code(
        "E0610",
        "checkpoint of another program",
        "A checkpoint belongs to the very program that it was made with: the same nets, losses and "
        "settings, known by a hash. Compile that program again, or start a new run.",
    ),
    Code(
        "E0611",
        "training stopped",
        "The loss or a weight became infinite or not a number. Nothing of that is saved: the last "
        "good checkpoint is kept. A smaller learning rate, a warmup or `clip 1.0` often helps; so "
        "does looking for log or division at zero. `netc train --on-nan skip` leaves out the steps "
        "that lead there.",
    ),
    Code("E0612", "no run to resume", "Nothing was trained here yet: leave `--resume` out."),
    Code(
        "E0613",
        "no program",
        "There is no build folder here. `netc compile FILE` makes one, and commands without FILE "
        "then use it.",
    ),
    Code(
        "E0614",
        "build folder damaged",
        "A file of the build folder is missing, damaged or of another version of netc. Compile "
        "the program again.",
    ),
    Code(
        "E0615",
        "run that cannot go on",
        "A resumed run keeps its seed and its data, for otherwise its course would be another "
        "than that of a run that was never stopped.",
    ),
    Code(
        "E0616",
        "target missed",
        "Training is done and saved, but a measure is not what `--require` asks for. It is looked "
        "up among those on the test rows, else on those that are held back, else on those that "
        "were trained on. The exit code is 3.",
    ),
)

ENVIRONMENT = (
    Code(
        "E0617",
        "damaged lock file",
        "NAME.tune.json holds the tiles that `netc tune --lock` found for NAME.net. It is not what "
        "netc wrote. Tiles change only how quick a program is: the file can be removed.",
    ),
    Code(
        "E0701",
        "file cannot be written",
        "The disk is full, the folder is gone, or writing is not permitted.",
    ),
    Code("E0702", "folder cannot be used", "Something else is in its place, or it is locked."),
    Code("E0703", "not a run", "The folder is not one that `netc train` made."),
    Code("E0704", "run cannot be read", "A file of the run is damaged or cannot be read."),
    Code(
        "E0710",
        "not enough memory",
        "The memory plan is compared with what is free before anything is allocated. A smaller "
        "batch needs less.",
    ),
    Code(
        "E0711",
        "no C compiler",
        "The `cpu` target builds its C with gcc, clang or the `ziglang` package. Without one the "
        "sources in the build folder are complete all the same.",
    ),
    Code("E0712", "C compiler too slow", "Building took longer than the limit. Try again."),
    Code(
        "E0713",
        "build folder cannot be written",
        "The disk is full, or writing is not permitted. `--out` names another folder.",
    ),
    Code("E0714", "no such device", "`netc devices` lists what is here."),
    Code(
        "E0715",
        "library missing",
        "A source of data needs a library that netc does without otherwise. "
        '`pip install "netc[image]"` reads images, `pip install "netc[parquet]"` Parquet.',
    ),
    Code(
        "E0716",
        "no such processor",
        "`--march` takes the names that the C compiler has for processors: x86-64-v3 for those "
        "with AVX2, x86-64-v4 for those with AVX-512, armv8-a for ARM's, or one of a single kind. "
        "Without it the program is for the processor that it is compiled on.",
    ),
    Code(
        "E0717",
        "compiled for another processor",
        "The program was compiled with `--march` for one that has wider vectors. Its sources can "
        "be read here; they run where those vectors are.",
    ),
    Code(
        "E0721",
        "no CUDA compiler",
        'NVRTC and cuda-python come with `pip install "netc[cuda]"`; no CUDA toolkit is needed.',
    ),
    Code(
        "E0722",
        "no GPU",
        "There is no NVIDIA driver or no GPU here. The CUDA source can still be read and built; "
        "`--device cpu` trains.",
    ),
    Code("E0723", "GPU too old", "netc needs compute capability 7.5 (Turing, 2018) or more."),
    Code(
        "E0731",
        "a CUDA kernel does wrong",
        "The emulator found a race, an access out of bounds, a read of memory without a value or "
        "the like. In a kernel that you own, that is to be corrected; in one that netc wrote, it "
        "is netc's own fault: please report it.",
    ),
)

OURS = (
    Code("E0901", "not supported yet", "The language allows it, but this version cannot do it."),
    Code("ICE", "netc's own fault", "Not the program is wrong but netc. Please report it."),
)

OUTSIDE = DATA + RUNS + ENVIRONMENT + OURS
