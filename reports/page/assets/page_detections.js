// One trial's validation images: what it found, missed and got wrong.
function detections(row) {
  return "";
}
