# frozen_string_literal: true

# What the figures depend on.
module Machine
  FOLDER = File.expand_path("..", __dir__)

  module_function

  def facts(rounds)
    { commit: "#{text("git rev-parse --short HEAD")}#{" with changes" unless clean?}",
      date: Time.now.utc.strftime("%Y-%m-%d"),
      processor: File.read("/proc/cpuinfo")[/^model name\s*: (.*)/, 1],
      cores: text("nproc"), load: File.read("/proc/loadavg").split.first,
      linux: text("uname -r"), file_system: text("df --output=fstype .").lines.last.to_s.strip,
      compiler: text("gcc --version").lines.first.to_s.strip,
      sqlite: text("sqlite3 --version").split.first, postgres: text("psql --version").split[2],
      ruby: RUBY_VERSION, rounds: rounds.to_s }
  end

  def clean? = text("git status --porcelain --untracked-files=no").empty?

  def text(command)
    IO.popen(command.split, chdir: FOLDER, err: File::NULL, &:read).strip
  rescue Errno::ENOENT
    "unknown"
  end
end
