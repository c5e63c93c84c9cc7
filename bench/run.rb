# frozen_string_literal: true

# Runs the benches round by round and prints each figure beside its goal and its reference.
#
#   run.rb ──► build/release/bench/* and bench/ruby/*.rb, each a line of JSON ──► medians ──► table
#
# Within a round every program runs once, a figure's reference right after it, so that both meet the
# machine in the same mood; a figure is the median of its rounds.

require "json"
require "optparse"
require_relative "figures"
require_relative "figures_postgres"
require_relative "machine"
require_relative "table"

POSTGRES = ENV["TASKER_STORE"].to_s.start_with?("postgres")
CHOSEN = POSTGRES ? FiguresPostgres : Figures

# Runs the programs that some figures need, and says what came out.
class Run
  def initialize(figures, rounds)
    @figures = figures
    @rounds = rounds
    @answers = Hash.new { |hash, program| hash[program] = [] }
  end

  def measure
    @rounds.times do |round|
      needed.each do |program|
        command, most = CHOSEN::PROGRAMS.fetch(program)
        next if most && round >= most

        warn "round #{round + 1} of #{@rounds}: #{program}" if $stderr.tty?
        @answers[program] << answer(command)
      end
    end
    self
  end

  # The median of a "program metric".
  def number(source)
    return nil if source.nil?

    program, metric = source.split
    values = @answers.fetch(program).map { |one| one.fetch(metric) }.sort
    middle = values.size / 2
    values.size.odd? ? values[middle] : (values[middle - 1] + values[middle]) / 2.0
  end

  def results
    @figures.map do |figure|
      value = number(figure[:value])
      reference = number(figure[:reference])
      figure.slice(:name, :unit, :least, :most, :beside)
            .merge(value: value, reached: reached?(figure, value), reference: reference,
                   ratio: reference && (value / reference.to_f).round(3))
    end
  end

  private

  # nil: there is no goal.
  def reached?(figure, value)
    return value >= figure[:least] if figure[:least]

    value <= figure[:most] if figure[:most]
  end

  def needed
    sources = @figures.flat_map { |figure| [figure[:value], figure[:reference]] }.compact
    programs = sources.map { |source| source.split.first }.uniq
    CHOSEN::PROGRAMS.keys & programs
  end

  def answer(command)
    output = IO.popen(command.split, chdir: Machine::FOLDER, &:read)
    abort "failed: #{command}" unless $?.success? # rubocop:disable Style/SpecialGlobalVars
    JSON.parse(output.lines.last)
  end
end

options = { rounds: 5, json: false }
words = OptionParser.new do |parser|
  parser.banner = "usage: script/bench [--json] [--rounds N] [WORD]"
  parser.on("--json", "print JSON") { options[:json] = true }
  parser.on("--rounds N", Integer, "medians of N rounds, 1 to 100; 5") do |rounds|
    abort "1 to 100 rounds are possible" unless rounds.between?(1, 100)
    options[:rounds] = rounds
  end
end.parse(ARGV)
figures = CHOSEN::ALL.select { |figure| words.all? { |word| figure[:name].include?(word) } }
abort "no figure is called so" if figures.empty?

facts = Machine.facts(options[:rounds])
results = Run.new(figures, options[:rounds]).measure.results
if options[:json]
  puts JSON.pretty_generate(machine: facts, figures: results)
else
  facts.each { |name, fact| puts "#{name.to_s.tr("_", " ")}: #{fact}" }
  puts
  Table.show(results)
end
