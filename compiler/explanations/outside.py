"""E05xx to E09xx and ICE: faults that no program text can show."""

from netc.compiler.explanations.code import Code

OUTSIDE = (
    Code("E0501", "data file not found", "Paths count from the folder of the `.net` file."),
    Code("E0502", "data file cannot be read", "The file is cut off, damaged or of another kind."),
    Code("E0503", "data of another shape", "The file holds other shapes than the program takes."),
    Code("E0504", "value out of range", "A label or an index lies outside of what the net has."),
    Code("E0505", "data that is not a number", "The file holds NaN or infinity."),
    Code("E0506", "field missing from the data", "The file has no array or column of this name."),
    Code("E0507", "too little data", "There are fewer samples than one batch needs."),
    Code("E0601", "checkpoint cannot be read", "The file is cut off, damaged or of another kind."),
    Code("E0602", "checkpoint of another program", "Its weights have other names or shapes."),
    Code("E0603", "unfinished run", "Say `--resume` to go on with it, or `--fresh` for a new one."),
    Code("E0604", "no such run", "There is no run of this name, or it saved nothing yet."),
    Code("E0701", "no GPU", "No CUDA device was found. `--device cpu` runs without one."),
    Code("E0702", "no C compiler", "Install gcc or clang, or the `ziglang` package."),
    Code("E0703", "driver too old", "The installed CUDA driver cannot run this program."),
    Code("E0704", "not enough memory", "The memory plan exceeds what the device has free."),
    Code("E0705", "file cannot be written", "The disk is full, or writing is not permitted."),
    Code("E0901", "not supported yet", "The language allows it, but this version cannot do it."),
    Code("ICE", "netc's own fault", "Not the program is wrong but netc. Please report it."),
)
