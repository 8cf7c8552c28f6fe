#!/usr/bin/env bash
# From the corpus to everything that ships, and the plain twin for the ablations:
#
#     ./train_all.sh corpus.tar,corpus_more.tar,corpus_text.tar,corpus_smooth.tar OUT
#
# OUT is new, or what this script left unfinished: finished parts are kept. Two GPUs work side by side,
# one does everything in turn. The seconds of each part come from the environment. OUT/logs tells what
# happened, OUT/deliver and OUT/fast/*.onnx are the files.
set -eu
corpus=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
: "${VAE_SECONDS:=205}" "${FAST_SECONDS:=225}" "${TWIN_SECONDS:=600}"
: "${UNET_FIRST_SECONDS:=450}" "${UNET_SECONDS:=240}"
gpus=$(python3 -c 'import torch; print(torch.cuda.device_count())')
other=$((gpus > 1 ? 1 : 0))
mkdir -p "$out/logs"

# run LOG GPU SCRIPT ARGUMENT...
run() {
    local log=$out/logs/$1.txt gpu=$2 script=$3
    shift 3
    CUDA_VISIBLE_DEVICES=$gpu python3 "$here/$script" --corpus "$corpus" "$@" >>"$log" 2>&1
}
# Beside what runs, where there is a second GPU for it; after it, where there is none.
beside() {
    if [[ $gpus -gt 1 ]]; then "$@" & else "$@"; fi
}

for scale in 2 4; do
    [[ -e $out/fast/x$scale.onnx ]] ||
        beside run "fast_x$scale" "$other" train_fast.py --scale "$scale" --out "$out/fast" \
            --seconds "$FAST_SECONDS"
done
[[ -e $out/VAE_DONE ]] || run vae 0 train_vae.py --out "$out" --bs 64 --seconds "$VAE_SECONDS"
wait

[[ -e $out/twin/UNET_DONE ]] ||
    beside run twin "$other" train_unet.py --vae "$out/vae" --out "$out/twin" --no-pairs --resume \
        --bs 256 --passes 1 --seconds "$TWIN_SECONDS"
[[ -e $out/first/UNET_DONE ]] ||
    run unet_first 0 train_unet.py --vae "$out/vae" --guess "$out/fast/x2.onnx" \
        --out "$out/first" --resume --bs 256 --passes 1 --seconds "$UNET_FIRST_SECONDS"
[[ -e $out/UNET_DONE ]] ||
    run unet 0 train_unet.py --vae "$out/vae" --guess "$out/fast/x2.onnx" --init "$out/first" \
        --out "$out" --resume --bs 256 --passes 1 --seconds "$UNET_SECONDS" --lr 7e-4 \
        --soft-originals 0.05
wait

cp -r "$out/vae" "$out/twin/"
python3 "$here/pack.py" "$out" "$out/deliver"
python3 "$here/pack.py" "$out/twin" "$out/twin/deliver"
for folder in "$out/deliver" "$out/twin/deliver"; do
    python3 "$here/fit_preview.py" "$corpus" "$folder"
done
sha256sum "$out"/fast/*.onnx "$out"/deliver/*/*.safetensors "$out"/deliver/*.safetensors \
    "$out"/twin/deliver/*/*.safetensors >"$out/logs/hashes.txt"
