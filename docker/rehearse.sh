#!/usr/bin/env bash
# Build an image and use it as a user does, with whatever is here: Docker or Podman, else
# `buildah --isolation chroot`, else the Python layer alone, in a fresh virtual environment.
#
#     docker/rehearse.sh [cpu|cuda] [auto|docker|podman|buildah|python]
#
# CUDA=12 or 13 picks the CUDA of the target cuda, PYTHON_IMAGE another base than the Dockerfile's;
# BUILD_ARGS holds more words for the build, such as --volume or --network. No GPU is needed. What
# the Python layer runs is read from the Dockerfile; where pip prefers a CPU build of PyTorch, of the
# pinned release, the script says so.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:-cpu} engine=${2:-auto} cuda=${CUDA:-13} image=gpudict-rehearsal:${1:-cpu}
read -r -a build_args <<<"${BUILD_ARGS:-}"
build_args+=(--build-arg "CUDA=$cuda")
[[ -z ${PYTHON_IMAGE:-} ]] || build_args+=(--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE")

# Print the instructions KEYWORD of the stage STAGE, one a line, without the keyword.
instructions() { # STAGE KEYWORD
    sed -e '/^#/d' -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}' docker/Dockerfile |
        awk -v stage="$1" -v word="$2" '
            $1 == "FROM" { here = $NF }
            here == stage && $1 == word { sub(/^[A-Z]+ +/, ""); print }'
}

# Print the words of an instruction in exec form, one a line.
words() { # STAGE KEYWORD
    local found
    found=$(instructions "$1" "$2")
    [[ -n $found ]] || { echo "no $2 in the stage $1" >&2; return 1; }
    grep -o '"[^"]*"' <<<"[${found#*[}" | tr -d '"'
}

works() { command -v "$1" >/dev/null && "$@" >/dev/null 2>&1; }

choose() {
    if works docker info; then echo docker
    elif works podman info; then echo podman
    elif works buildah --version; then echo buildah
    else echo python; fi
}

# Build the image, or the environment that would be in it.
build() {
    case $engine in
        docker | podman)
            "$engine" build -f docker/Dockerfile --target "$target" -t "$image" "${build_args[@]}" . ;;
        buildah)
            buildah bud --isolation chroot --format docker -f docker/Dockerfile \
                --target "$target" -t "$image" "${build_args[@]}" .
            container=$(buildah from "$image") ;;
        python) build_environment ;;
    esac
}

build_environment() {
    local parts stage command
    mkdir -p "$work/source" "$work/home" "$work/data"
    while read -r -a parts; do # the last one is where to, and ends with / where it is a folder
        mkdir -p "$work/source/$(dirname "${parts[-1]}x")"
        # shellcheck disable=SC2068 # patterns are patterns
        cp -r ${parts[@]::${#parts[@]}-1} "$work/source/${parts[-1]}"
    done < <(instructions source COPY)
    for stage in source "$target-build"; do
        while read -r command; do
            command=${command//\/opt\/gpudict/$work/env}
            echo "+ $command"
            (cd "$work/source" && CUDA=$cuda sh -euc "$command")
        done < <(instructions "$stage" RUN)
    done
    [[ -x $work/env/bin/gpudict ]]
}

# Run a command in what was built, as this user.
inside() { # USER COMMAND...
    local user=$1
    shift
    case $engine in
        docker | podman) "$engine" run --rm --user "$user" --entrypoint "$1" "$image" "${@:2}" ;;
        buildah) buildah run --isolation chroot --user "$user" "$container" -- "$@" ;;
        python) (cd "$work/data" && PYTHONPATH='' HOME=$work/home PATH=$work/env/bin:$PATH "$@") ;;
    esac
}

clean() {
    [[ -z ${container:-} ]] || buildah rm "$container" >/dev/null
    rm -rf "$work"
}

say() { printf '\n== %s\n' "$*"; }

# Run a command that may fail for one reason: exit 1, and the sentence that there is no GPU alone.
for_want_of_a_gpu() {
    local said status=0
    said=$("$@" 2>&1) || status=$?
    echo "$said"
    [[ $status == 0 || ($status == 1 && $said == *"gpudict: No solve succeeded on a GPU"*) ]]
}

use() {
    local user entry health
    user=$(instructions base USER)
    mapfile -t entry < <(words base ENTRYPOINT)
    mapfile -t health < <(words "$target" HEALTHCHECK)
    ((${#entry[@]} && ${#health[@]}))
    if [[ $engine != python ]]; then
        say "it runs as user $user"
        [[ $(inside "$user" id -u) == "${user%:*}" ]]
    fi
    say "the entry point: ${entry[*]} --version"
    inside "$user" "${entry[@]}" --version
    say "the health check: ${health[*]}"
    if [[ $target == cpu ]]; then inside "$user" "${health[@]}"
    else for_want_of_a_gpu inside "$user" "${health[@]}"; fi
    say "the demo writes its picture"
    inside "$user" sh -ec 'gpudict demo --n-components 32 && test -s gpudict-demo.png'
    [[ $target == cpu ]] || use_cuda "$user"
    if [[ $engine != python ]]; then
        say "any other user's compiled code is kept"
        # shellcheck disable=SC2016 # the HOME inside
        inside 12345:12345 sh -ec 'gpudict doctor --backend numpy
            find "$HOME" -name "*.nbc" | grep -q . && echo "kept in $HOME"'
    fi
}

# Without a GPU: the libraries can be imported, and CuPy compiles a kernel with the NVRTC installed.
use_cuda() { # USER
    say "CuPy and PyTorch are imported, and a kernel is compiled by NVRTC for sm_80"
    inside "$1" python -c '
import cupy, torch
from cuda.pathfinder import find_nvidia_header_directory
from cupy.cuda.compiler import _NVRTCProgram  # compile_using_nvrtc asks a device
print("cupy", cupy.__version__, "torch", torch.__version__, "for CUDA", torch.version.cuda)
torch.version.cuda or print("This PyTorch is for the CPU: nothing is proven of its CUDA wheels.")
options = ("-arch=sm_80", "-I" + find_nvidia_header_directory("cudart"))
kernel = "#include <cuda_fp16.h>\nextern \"C\" __global__ void f(float* x) { x[threadIdx.x] += 1; }"
cubin, _ = _NVRTCProgram(kernel, "f.cu", method="cubin").compile(options)
print(len(cubin), "bytes of code")'
}

work=$(mktemp -d)
container=
trap clean EXIT
[[ $engine != auto ]] || engine=$(choose)
say "$target, by $engine"
build
use
say "$target, by $engine: all of it works"
