// What a reader may do from the served page: each is a command too.
function actions(row) {
  return "";
}
