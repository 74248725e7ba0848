-- Replicas that write keys and copy what is newer from each other.

const
  REPLICAS: 3;
  KEYS: 2;
  VERSIONS: 2;
  VALUES: 4096;

type
  Replica: 0 .. REPLICAS - 1;
  Key: 0 .. KEYS - 1;
  Cell: record
    version: 0 .. VERSIONS;
    writer: Replica; -- undefined if nobody has written it
    data: 0 .. VALUES - 1;
  end;

var
  cells: array [Replica] of array [Key] of Cell;

startstate begin
  for r: Replica do
    for k: Key do
      cells[r][k].version := 0;
      undefine cells[r][k].writer;
      cells[r][k].data := 0;
    end;
  end;
end;

ruleset r: Replica; k: Key do
  rule "put"
    cells[r][k].version < VERSIONS ==>
  begin
    cells[r][k].data := (cells[r][k].data * 31 + cells[r][k].version + 7) % VALUES;
    cells[r][k].version := cells[r][k].version + 1;
    cells[r][k].writer := r;
  end;

  ruleset p: Replica do
    rule "pull"
      p != r & cells[p][k].version > cells[r][k].version ==>
    begin
      cells[r][k].data := cells[p][k].data;
      cells[r][k].version := cells[p][k].version;
      cells[r][k].writer := cells[p][k].writer;
    end;
  end;
end;

invariant "written"
  forall r: Replica do forall k: Key do
    cells[r][k].version = 0 | !isundefined(cells[r][k].writer)
  end end;
