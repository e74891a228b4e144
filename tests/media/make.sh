#!/bin/sh
# Makes the film of the tests of playlists with ffmpeg (Debian: ffmpeg): four seconds, two qualities of video and one of audio,
# in fMP4 for HLS and DASH alike; one quality in an encrypted transport stream; and one
# in a single file, read in ranges. Bytes differ with ffmpeg's version.
set -eu
cd "$(dirname "$0")"
rm -rf film; mkdir -p film/0 film/1 film/2; cd film
video="-f lavfi -i testsrc2=size=64x36:rate=8:duration=4"
audio="-f lavfi -i sine=frequency=300:sample_rate=16000:duration=4"
h264="-c:v libx264 -preset veryslow -tune stillimage -pix_fmt yuv420p -profile:v baseline -g 8 -keyint_min 8 -sc_threshold 0"
exact="-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -map_metadata -1"
# shellcheck disable=SC2086  # lists of words
ffmpeg -v error $video $audio -map 0 -map 0 -map 1 $h264 -b:v:0 40k -s:v:1 32x18 -b:v:1 12k -c:a aac -b:a 12k -ac 1 $exact \
    -seg_duration 1 -use_timeline 1 -use_template 1 -adaptation_sets "id=0,streams=v id=1,streams=a" -hls_playlist 1 \
    -init_seg_name 'init-$RepresentationID$.mp4' -media_seg_name '$RepresentationID$/$Number%03d$.m4s' -f dash film.mpd
for quality in 0 1 2; do mv media_$quality.m3u8 film-$quality.m3u8; done
sed -i s/media_/film-/ master.m3u8; mv master.m3u8 film.m3u8
printf '0123456789abcdef' > film.key
printf 'film.key\nfilm.key\n00000000000000000000000000000001\n' > key.txt
# shellcheck disable=SC2086
ffmpeg -v error $video -t 2 $h264 -s 32x18 -b:v 12k $exact -hls_time 1 -hls_playlist_type vod -hls_key_info_file key.txt \
    -hls_segment_filename 'ts%d.ts' -f hls aes.m3u8
rm key.txt
# shellcheck disable=SC2086
ffmpeg -v error $video -t 2 $h264 -s 32x18 -b:v 12k $exact -seg_duration 1 -single_file 1 -single_file_name one.mp4 \
    -use_template 0 -use_timeline 0 -hls_playlist 1 -hls_master_name one.m3u8 -f dash one.mpd
mv media_0.m3u8 one-0.m3u8; sed -i s/media_0/one-0/ one.m3u8
