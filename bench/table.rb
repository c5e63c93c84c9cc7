# frozen_string_literal: true

# The results as text.
module Table
  HEAD = %w[figure goal here reached reference ratio beside].freeze
  REACHED = { true => "yes", false => "no", nil => "" }.freeze

  module_function

  def show(results)
    rows = [HEAD] + results.map { |result| row(result) }
    widths = rows.transpose.map { |column| column.map(&:size).max }
    rows.insert(1, widths.map { |width| "-" * width })
    rows.each do |cells|
      puts "| #{cells.zip(widths).map { |cell, width| cell.ljust(width) }.join(" | ")} |"
    end
  end

  def row(result)
    [result[:name], goal(result), "#{number(result[:value])} #{result[:unit]}",
     REACHED.fetch(result[:reached]), number(result[:reference]), number(result[:ratio]),
     result[:beside].to_s]
  end

  def goal(result)
    return "≥ #{number(result[:least])}" if result[:least]

    result[:most] ? "≤ #{number(result[:most])}" : ""
  end

  def number(value)
    return "" if value.nil?
    return value.round.to_s.reverse.scan(/\d{1,3}/).join(",").reverse if value >= 1000

    value >= 100 ? value.round.to_s : format("%.4g", value)
  end
end
